/**
 * Names for requests: taken over from a caller that is trusted, if they are harmless
 * in a log line, a header and a URL; made here otherwise.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type Exchange, report } from '@org/core';

/**
 * How new ids are made. `uuid`: random UUIDs (version 4), which nobody can guess.
 * `counter`: a random prefix per process and a running number: shorter and faster,
 * but it shows clients how many requests there are. Or a function of your own, which
 * gets no exchange where the id is for a job.
 */
export type IdSource = 'uuid' | 'counter' | ((exchange: Exchange | undefined) => string);

/** Whether an id may be taken over. */
export type AcceptsId = (id: string) => boolean;

/** Letters, digits and the signs that neither logs, shells, headers nor URLs give a meaning to. */
const HARMLESS = /^[\w.~:+/=@-]+$/;

/** Makes the check for ids from outside. */
export function idCheck(maxLength: number): AcceptsId {
  return (id) => id.length <= maxLength && HARMLESS.test(id);
}

/** Makes the source of new ids, with a state of its own. */
export function idMaker(source: IdSource, accepts: AcceptsId): (exchange?: Exchange) => string {
  if (source === 'uuid') return () => randomUUID();
  if (source === 'counter') {
    const prefix = randomBytes(9).toString('base64url');
    let count = 0;
    return () => `${prefix}.${(count++).toString(36)}`;
  }
  return (exchange) => {
    try {
      const id: unknown = source(exchange);
      if (typeof id === 'string' && accepts(id)) return id;
      throw new TypeError(
        `correlation: the function "ids" answered ${typeof id === 'string' ? JSON.stringify(id.slice(0, 60)) : typeof id}; ` +
          'it must answer a string of letters, digits and . _ ~ : + / = @ - that is no longer than "maxLength".',
      );
    } catch (error) {
      report(error, 'correlation ids', exchange);
      // A request without a name is worse than one with another name: the one that the fault is logged under.
      return exchange?.id ?? randomUUID();
    }
  };
}
