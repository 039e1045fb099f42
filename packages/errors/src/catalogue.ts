/**
 * The problems of an API as one typed list: code throws from it, and the same list
 * writes the documentation that RFC 9457 §4 asks for, so that the two cannot differ.
 */
import { STATUS_CODES } from 'node:http';
import { hasCode, OptionError, ProblemError } from '@org/core';

import { RESERVED_MEMBERS } from './document.ts';

/** What a kind of problem is. */
export interface ProblemDefinition {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** Summary that is the same for every occurrence. */
  readonly title: string;
  /** URI of the type. @default the catalogue's base and the key in kebab-case, or "about:blank" without a base */
  readonly type?: string;
  /** Stable code. @default "ERR_" and the key in upper snake case */
  readonly code?: string;
  /** When it happens and what to do about it, for the documentation. */
  readonly description?: string;
  /** Extension members, each with its documentation. */
  readonly members?: Readonly<Record<string, string>>;
  /** Whether the detail may be shown. @default status < 500 */
  readonly expose?: boolean;
}

/** What one occurrence adds to its kind. */
export interface Occurrence {
  /** Headers that belong to the answer, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Names of the members that a definition names; none where it names none. */
export type MemberName<D extends ProblemDefinition> = D extends { readonly members: infer M }
  ? keyof M
  : never;

/** A kind of problem: call it to make an error of that kind. */
export interface ProblemKind<D extends ProblemDefinition = ProblemDefinition> {
  (
    detail: string,
    ...rest: [MemberName<D>] extends [never]
      ? [members?: undefined, occurrence?: Occurrence]
      : [members: { readonly [K in MemberName<D>]: unknown }, occurrence?: Occurrence]
  ): ProblemError;
  readonly definition: Required<Omit<ProblemDefinition, 'description'>> & {
    readonly description: string;
  };
  /** Whether an error is of this kind, whichever copy of core made it. */
  is(error: unknown): boolean;
}

/** A catalogue: every kind by its key. */
export type Problems<T extends Readonly<Record<string, ProblemDefinition>>> = {
  readonly [K in keyof T]: ProblemKind<T[K]>;
};

/** What all kinds of a catalogue share. */
export interface CatalogueOptions {
  /** URI under which the kinds are documented; a key in kebab-case is added to it. */
  readonly base?: string;
}

/**
 * Makes a catalogue.
 * @throws OptionError for a status outside 400 to 599, a reserved member, or a code or type given twice
 */
export function defineProblems<const T extends Readonly<Record<string, ProblemDefinition>>>(
  definitions: T,
  options: CatalogueOptions = {},
): Problems<T> {
  const kinds = Object.entries(definitions).map(
    ([key, definition]) => [key, kindOf(key, definition, options)] as const,
  );
  const faults = [
    ...kinds.flatMap(([key, kind]) => faultsOf(key, kind)),
    ...repeated(kinds, 'code'),
    ...repeated(kinds, 'type'),
  ];
  if (faults.length > 0) throw new OptionError('defineProblems', faults);
  return Object.freeze(Object.fromEntries(kinds)) as unknown as Problems<T>;
}

/** A catalogue as plain data, sorted by status, for tools and for an endpoint. */
export function problemsJson(
  problems: Readonly<Record<string, ProblemKind>>,
): readonly Readonly<Required<ProblemDefinition>>[] {
  return Object.values(problems)
    .map(({ definition }) => definition)
    .toSorted((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1));
}

/** A catalogue as a page of Markdown. */
export function problemsMarkdown(problems: Readonly<Record<string, ProblemKind>>): string {
  const parts = problemsJson(problems).map(
    ({ title, status, type, code, description, members }) => [
      `## ${title}`,
      '',
      `- Status: ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
      `- Type: \`${type}\``,
      `- Code: \`${code}\``,
      ...(description === '' ? [] : ['', description]),
      ...(Object.keys(members).length === 0 ? [] : ['', ...memberTable(members)]),
      '',
    ],
  );
  return ['# Problems', '', ...parts.flat()].join('\n');
}

function kindOf(key: string, given: ProblemDefinition, { base }: CatalogueOptions): ProblemKind {
  const definition = Object.freeze({
    status: given.status,
    title: given.title,
    type: given.type ?? (base === undefined ? 'about:blank' : `${base}${words(key).join('-')}`),
    code: given.code ?? `ERR_${words(key).join('_').toUpperCase()}`,
    description: given.description ?? '',
    members: Object.freeze({ ...given.members }),
    expose: given.expose ?? given.status < 500,
  });
  const { status, title, type, code, expose } = definition;
  const make = (detail: string, members?: object, occurrence: Occurrence = {}): ProblemError => {
    const error = new ProblemError({
      status,
      title,
      type,
      code,
      expose,
      detail,
      ...(members === undefined ? {} : { extensions: { ...members } }),
      ...occurrence,
    });
    // The stack begins where the problem happened, not here.
    Error.captureStackTrace(error, make);
    return error;
  };
  return Object.assign(make, {
    definition,
    is: (error: unknown) => hasCode(error, code),
  });
}

function faultsOf(key: string, { definition }: ProblemKind): string[] {
  const { status, title, type, members } = definition;
  const faults: string[] = [];
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    faults.push(`"${key}" has the status ${status}; use a whole number from 400 to 599.`);
  }
  if (typeof title !== 'string' || title === '') {
    faults.push(`"${key}" has no title; say in a few words what the problem is.`);
  }
  if (!URL.canParse(type, 'https://relative.invalid') || /\s/.test(type)) {
    faults.push(`"${key}" has the type ${JSON.stringify(type)}; use a URI.`);
  }
  for (const member of Object.keys(members)) {
    if (RESERVED_MEMBERS.has(member)) {
      faults.push(`"${key}" has a member "${member}", which every document has; rename it.`);
    }
  }
  return faults;
}

/** Guards test by the code, and clients by the type: neither may stand for two kinds. */
function repeated(
  kinds: readonly (readonly [string, ProblemKind])[],
  member: 'code' | 'type',
): string[] {
  const owners = new Map<string, string>();
  return kinds.flatMap(([key, { definition }]) => {
    const value = definition[member];
    const owner = owners.get(value);
    if (owner === undefined) owners.set(value, key);
    if (owner === undefined || value === 'about:blank') return [];
    return [`"${owner}" and "${key}" have the same ${member} ${value}; give each its own.`];
  });
}

function memberTable(members: Readonly<Record<string, string>>): string[] {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
  return [
    '| member | meaning |',
    '| --- | --- |',
    ...Object.entries(members).map(([name, meaning]) => `| \`${name}\` | ${cell(meaning)} |`),
  ];
}

/** `outOfStock` and `OUT_OF_STOCK` are out, of, stock. */
function words(key: string): string[] {
  return key
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}
