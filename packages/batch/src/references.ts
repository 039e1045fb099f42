/**
 * References to the answers of other items: `{{id.body.name}}` stands for a member of a JSON body,
 * by names and indexes. They are a way to say "that one", and no language: there is nothing to
 * call, and nothing is found but own members of parsed JSON.
 */

/** `{{`, the item's id, `.body`, up to 16 names, `}}`. */
const REFERENCE = /\{\{([\w-]{1,64})\.body((?:\.[^.{}\s]{1,100}){0,16})\}\}/g;
const WHOLE = new RegExp(`^${REFERENCE.source}$`);

/** The answers that an item may refer to. */
export interface Answers {
  has(id: string): boolean;
  /** A member of the body. @throws MissingReference where there is none */
  member(id: string, names: readonly string[]): unknown;
}

/** There is nothing where a reference points, or not what its place can take. */
export class MissingReference extends Error {}

/** Ids that a text refers to. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map(([, id]) => id!);
}

/** Fills references in; `write` turns a value into the text of its place. What refers to no answer stays. */
export function fill(text: string, answers: Answers, write: (value: string) => string): string {
  return text.replaceAll(REFERENCE, (reference, id: string, rest: string) => {
    if (!answers.has(id)) return reference;
    const value = answers.member(id, namesOf(rest));
    if (typeof value === 'number' || typeof value === 'boolean') return write(String(value));
    if (typeof value === 'string' && value !== '') return write(value);
    throw new MissingReference(`${reference} is no text or number that could stand there`);
  });
}

/** Fills references in a JSON value: one that is all of a text becomes the value itself. */
export function fillValue(value: unknown, answers: Answers): unknown {
  if (typeof value === 'string') {
    const [, id = '', rest = ''] = WHOLE.exec(value) ?? [];
    if (!answers.has(id)) return fill(value, answers, (text) => text);
    return answers.member(id, namesOf(rest));
  }
  if (Array.isArray(value)) return value.map((one) => fillValue(one, answers));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, fillValue(one, answers)]),
  );
}

/** A member of parsed JSON, never one that every object has. */
export function memberOf(value: unknown, names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function namesOf(rest: string): string[] {
  return rest === '' ? [] : rest.slice(1).split('.');
}
