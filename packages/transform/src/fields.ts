/** What a client chose: `id,name,country.code`, read in one pass and within bounds. */
import { ProblemError } from '@org/core';

/** Chosen members; all of a member where it has no further choice. */
export interface Chosen {
  readonly members: ReadonlyMap<string, Chosen>;
  /** What holds for members that are not named; without it they are left out. */
  readonly rest?: Chosen;
  readonly all: boolean;
}

/** No choice: everything. */
export const EVERYTHING: Chosen = Object.freeze<Chosen>({ members: new Map(), all: true });

interface Choosing {
  readonly members: Map<string, Choosing>;
  all: boolean;
}

const MAX_LENGTH = 2000;
const MAX_FIELDS = 100;
const MAX_DEPTH = 8;
const NAME = /^[\w$-]{1,100}$/;

/** Reads a choice. @throws ProblemError 400 for what is none, or more than is read */
export function parseFields(parameter: string, given: unknown, always: readonly string[]): Chosen {
  if (typeof given !== 'string' || given.length > MAX_LENGTH) {
    throw invalid(`"${parameter}" must be one list of names, of at most ${MAX_LENGTH} characters.`);
  }
  const paths = given.split(',', MAX_FIELDS + 1).filter((path) => path.trim() !== '');
  if (paths.length > MAX_FIELDS || paths.length === 0) {
    throw invalid(`"${parameter}" must have from 1 to ${MAX_FIELDS} names.`);
  }
  return chosenOf(
    [...paths, ...always].map((path) => {
      const names = path.trim().split('.', MAX_DEPTH + 1);
      if (names.length > MAX_DEPTH || !names.every((name) => NAME.test(name))) {
        throw invalid(
          `"${path.trim().slice(0, 40)}" in "${parameter}" is no name, nor up to ${MAX_DEPTH} of them with dots between.`,
        );
      }
      return names;
    }),
  );
}

/** Puts paths together. */
export function chosenOf(paths: readonly (readonly string[])[]): Chosen {
  const root: Choosing = { members: new Map(), all: false };
  for (const names of paths) {
    let at = root;
    for (const name of names) {
      let next = at.members.get(name);
      if (next === undefined) {
        next = { members: new Map(), all: false };
        at.members.set(name, next);
      }
      at = next;
    }
    at.all = true;
  }
  return root;
}

/** @throws ProblemError 400 naming what is chosen and not known */
export function checkKnown(parameter: string, chosen: Chosen, known: Chosen): void {
  const unknown = unknownIn(chosen, known, '');
  if (unknown.length === 0) return;
  throw new ProblemError({
    code: 'ERR_FIELDS_UNKNOWN',
    status: 400,
    detail: `"${parameter}" has ${unknown.join(', ')}, which is not there.`,
    extensions: { unknown },
  });
}

function unknownIn(chosen: Chosen, known: Chosen, prefix: string): string[] {
  return [...chosen.members].flatMap(([name, inner]) => {
    const there = known.members.get(name);
    if (there === undefined) return [prefix + name];
    return there.all ? [] : unknownIn(inner, there, `${prefix}${name}.`);
  });
}

function invalid(detail: string): ProblemError {
  return new ProblemError({ code: 'ERR_FIELDS_INVALID', status: 400, detail });
}
