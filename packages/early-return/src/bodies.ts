/** Which bodies belong to an address: how long they may be, and of which types. */
import { bytes, type Check, listOf, text } from '@org/core';

/** What a body may be; `false`: none belongs here. */
export type BodyRule =
  | false
  | {
      /** The longest that a request may declare, in bytes. @default any */
      readonly maxBytes?: number;
      /** Media types, such as `application/json`, `image/*` or `application/*+json`. @default any */
      readonly types?: readonly string[];
    };

const TYPES: Check<readonly string[]> = listOf(
  // RFC 9110 §8.3.1; a wildcard stands for a subtype, or for what is before its suffix.
  text({
    expected: 'a media type',
    pattern: /^[\w!#$&^.+-]+\/(?:[\w!#$&^.+-]+|\*(?:\+[\w.-]+)?)$/,
  }),
);
const MAX: Check<number> = bytes();

export const BODY_RULE: Check<Exclude<BodyRule, false>> = {
  expected: 'an object with "maxBytes" (a whole number of bytes), "types" (media types) or both',
  accepts: (value): value is Exclude<BodyRule, false> => {
    if (typeof value !== 'object' || value === null) return false;
    const { maxBytes, types, ...rest } = value as Record<string, unknown>;
    return (
      (maxBytes === undefined || MAX.accepts(maxBytes)) &&
      (types === undefined || (TYPES.accepts(types) && types.length > 0)) &&
      Object.keys(rest).length === 0
    );
  },
};

/** Whether a Content-Type is one of the types. */
export function typeTest(types: readonly string[]): (contentType: string | undefined) => boolean {
  const known = types.map((type) => {
    const [before, after] = type.toLowerCase().split('*');
    return { before: before!, after };
  });
  return (contentType) => {
    if (contentType === undefined) return false;
    const end = contentType.indexOf(';');
    const essence = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
    return known.some(({ before, after }) =>
      after === undefined
        ? essence === before
        : essence.length > before.length + after.length &&
          essence.startsWith(before) &&
          essence.endsWith(after),
    );
  };
}
