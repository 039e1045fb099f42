/** How a message is refused, and what its sender may know of the reason. */
import { type MaybePromise, pointerToken, ProblemError, report } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { Issue } from './protocol.ts';
import { chain } from './chain.ts';

/** Issues of a schema that are told; a client can make as many as it likes. */
const MAX_ISSUES = 10;

/** What a refusal tells. */
export interface Told {
  readonly code: string;
  readonly detail: string;
  readonly issues?: readonly Issue[] | undefined;
}

/** A refusal with what a schema has found. */
class InvalidData extends ProblemError {
  readonly issues: readonly Issue[];

  constructor(found: readonly StandardSchemaV1.Issue[]) {
    super({
      code: 'ERR_DATA_INVALID',
      status: 422,
      detail: 'The data is not what this channel takes.',
    });
    this.issues = found.slice(0, MAX_ISSUES).map(({ message, path = [] }) => ({
      message,
      pointer: path
        .map((part) => pointerToken(String(typeof part === 'object' ? part.key : part)))
        .map((token) => `/${token}`)
        .join(''),
    }));
  }
}

/** What a schema makes of data; throws, or rejects, where it is not valid. */
export function validate(
  schema: StandardSchemaV1 | undefined,
  data: unknown,
): MaybePromise<unknown> {
  if (schema === undefined) return data;
  return chain(schema['~standard'].validate(data), (result) => {
    if (result.issues !== undefined) throw new InvalidData(result.issues);
    return result.value;
  });
}

/** A refusal that its sender may read. */
export function refusal(status: number, code: string, detail: string): ProblemError {
  return new ProblemError({ status, code, detail, expose: true });
}

/** What a client may know of an error; of one that is not meant for it, nothing, and it is reported. */
export function told(error: unknown): Told {
  // By what it is like: there may be two copies of core.
  const { expose, code, message, issues } = (error ?? {}) as Partial<InvalidData>;
  if (expose === true && code !== undefined) return { code, detail: String(message), issues };
  report(error, 'websocket message');
  return { code: 'ERR_INTERNAL', detail: 'The message could not be worked on.' };
}
