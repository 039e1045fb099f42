/**
 * What the application can say of a resource without running its handler: which version of it
 * there is, when it changed, and the headers that GET would have.
 */
import { type MaybePromise, OptionError } from '@org/core';
import type { Request } from 'express';
import { match } from 'path-to-regexp';

/** The parameters of a pattern, decoded; the parts of a wildcard are joined by slashes. */
export type Params = Readonly<Record<string, string>>;

/**
 * A version of a resource. Text that is an entity-tag already, such as `W/"7"`, is sent as it is;
 * other text and numbers become a strong one. `null`: there is no such resource. Nothing: the
 * handler has to say.
 */
export type Version = string | number | bigint | null | undefined;

/** What is known of a resource's state. It is asked before the handler runs, so it must be cheap. */
export interface Validator {
  /** Answers which version there is: what GET would send must be this version or a newer one. @default unknown */
  readonly etag?: (req: Request, params: Params) => MaybePromise<Version>;
  /** Answers when it was last changed, as a Date or in ms since the epoch; `null`: there is no such resource. @default unknown */
  readonly lastModified?: (
    req: Request,
    params: Params,
  ) => MaybePromise<Date | number | null | undefined>;
  /**
   * What the 304 must repeat of the answer (RFC 9110 §15.4.5): `Cache-Control`,
   * `Content-Location`, `Expires` and `Vary`. Both get them from here. @default none
   */
  readonly headers?: Readonly<
    Partial<Record<'Cache-Control' | 'Content-Location' | 'Expires' | 'Vary', string>>
  >;
}

/** Answers the headers that GET would have; nothing: GET runs. */
export type HeadHeaders = (
  req: Request,
  params: Params,
) => MaybePromise<Readonly<Record<string, string | readonly string[]>> | undefined>;

/** What a validator said. */
export interface State {
  /** An entity-tag; absent where it is not known. */
  readonly etag: string | undefined;
  /** In ms since the epoch; absent where it is not known. */
  readonly modifiedAt: number | undefined;
  /** There is no such resource. */
  readonly isAbsent: boolean;
}

/** An address that one of the patterns describes. */
export interface Found<T> {
  readonly pattern: string;
  readonly value: T;
  readonly params: Params;
}

/** Finds what is said of a URL's path; the first pattern that matches counts. */
export type FindResource<T> = (url: string) => Found<T> | undefined;

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const OPAQUE = /^[\x21\x23-\x7e\x80-\xff]*$/;

/**
 * Compiles what is said by pattern; nothing where nothing is.
 * @throws OptionError for a pattern that is none
 */
export function compileResources<T>(
  said: Readonly<Record<string, T>>,
): FindResource<T> | undefined {
  const known = Object.entries(said).map(([pattern, value]) => ({
    pattern,
    value,
    matches: compile(pattern),
  }));
  if (known.length === 0) return undefined;
  return (url) => {
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    for (const { pattern, value, matches } of known) {
      const params = matches(path);
      if (params !== undefined) return { pattern, value, params };
    }
    return undefined;
  };
}

/** Asks a validator; at once where it answers at once. */
export function stateOf(
  { etag, lastModified }: Validator,
  req: Request,
  params: Params,
): MaybePromise<State> {
  const version = etag?.(req, params);
  const modified = lastModified?.(req, params);
  if (isLate(version) || isLate(modified)) {
    return Promise.all([version, modified]).then(([one, other]) => toState(one, other));
  }
  return toState(version, modified);
}

/** Whether an answer comes later; some promises are not Node's own. */
export function isLate<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}

function toState(version: Version, modified: Date | number | null | undefined): State {
  const modifiedAt = modified === null || modified === undefined ? undefined : Number(modified);
  if (modifiedAt !== undefined && !Number.isFinite(modifiedAt)) {
    throw new TypeError('early-return: "lastModified" answered what is no time.');
  }
  return {
    etag: version === null || version === undefined ? undefined : entityTag(String(version)),
    modifiedAt,
    isAbsent: version === null || modified === null,
  };
}

/** RFC 9110 §8.8.3. */
function entityTag(version: string): string {
  if (ENTITY_TAG.test(version)) return version;
  if (OPAQUE.test(version)) return `"${version}"`;
  throw new TypeError(
    'early-return: "etag" answered text with characters that no entity-tag has; encode it, for example as base64url.',
  );
}

function compile(pattern: string): (path: string) => Params | undefined {
  let matches: ReturnType<typeof match>;
  try {
    matches = match(pattern);
  } catch (error) {
    throw new OptionError('early-return', [
      `route "${pattern}" is no path pattern of Express: ${(error as Error).message}.`,
    ]);
  }
  return (path) => {
    try {
      const found = matches(path);
      return found === false ? undefined : joined(found.params);
    } catch {
      // A parameter that cannot be decoded is the router's to refuse.
      return undefined;
    }
  };
}

function joined(params: Readonly<Partial<Record<string, string | string[]>>>): Params {
  const all: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) all[name] = typeof value === 'string' ? value : value.join('/');
  }
  return all;
}
