/** How the version of a resource is found without its handler. */
import type { Check } from '@org/core';
import type { Request } from 'express';

/** Finds out what a client may have already. Nothing: the handler decides. */
export interface Validator {
  /** The version of what would be answered: the opaque text of a strong ETag, or a whole entity-tag. */
  etag?(req: Request): MaybePromise<string | number | undefined>;
  /** When it was changed last. */
  lastModified?(req: Request): MaybePromise<Date | undefined>;
  /** `Cache-Control` of the 304, which the handler would have set. @default none */
  readonly cacheControl?: string;
}

type MaybePromise<T> = T | Promise<T>;

/** Validators by Express' path patterns; the first that matches counts. */
export type Validators = Readonly<Record<string, Validator>>;

const MEMBERS: ReadonlySet<string> = new Set(['etag', 'lastModified', 'cacheControl']);

/** The option check for validators. */
export const validatorsCheck: Check<Validators> = {
  expected: 'an object of validators, each with "etag" or "lastModified", or both, as functions',
  accepts: (value): value is Validators =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (one: Partial<Validator> | null) =>
        typeof one === 'object' &&
        one !== null &&
        Object.keys(one).every((name) => MEMBERS.has(name)) &&
        (typeof one.etag === 'function' || typeof one.lastModified === 'function'),
    ),
};

/** What a validator has found. */
export interface Found {
  readonly etag: string | undefined;
  readonly modifiedAt: number | undefined;
  readonly cacheControl: string | undefined;
}

/** Asks a validator; at once where it answers at once. */
export function find(validator: Validator, req: Request): MaybePromise<Found> {
  const etag = validator.etag?.(req);
  const modified = validator.lastModified?.(req);
  const { cacheControl } = validator;
  if (etag instanceof Promise || modified instanceof Promise) {
    return Promise.all([etag, modified]).then(([tag, at]) => foundOf(tag, at, cacheControl));
  }
  return foundOf(etag, modified, cacheControl);
}

function foundOf(
  etag: string | number | undefined,
  modified: Date | undefined,
  cacheControl: string | undefined,
): Found {
  const modifiedAt = modified?.getTime();
  return {
    etag: etag === undefined ? undefined : entityTag(String(etag)),
    modifiedAt: modifiedAt === undefined || Number.isNaN(modifiedAt) ? undefined : modifiedAt,
    cacheControl,
  };
}

/** RFC 9110 §8.8.3; what is none yet becomes a strong one. */
function entityTag(text: string): string {
  if (/^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/.test(text)) return text;
  if (/^[\x21\x23-\x7e\x80-\xff]*$/.test(text)) return `"${text}"`;
  // Other characters must not stand in a tag, and must not be lost.
  return `"${encodeURIComponent(text)}"`;
}
