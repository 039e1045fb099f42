/** Where a request says which version it wants. Each source is read by itself; that they agree is judged elsewhere. */
import type { Request } from 'express';

import { acceptReader } from './media-type.ts';
import type { VersioningOptions, VersionSource } from './options.ts';

/** What a source says. */
export interface Stated {
  readonly source: VersionSource;
  readonly text: string;
  /** The address without it, where the source is part of the address. */
  readonly url?: string;
}

/** Reads one source. */
export type ReadSource = (req: Request, url: string) => Stated | undefined;

/** The address as routers see it: without the authority of a target in absolute form (RFC 9112 §3.2.2). */
export function withoutAuthority(url: string): string {
  if (url.startsWith('/')) return url;
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  return rest.startsWith('/') || rest === url ? rest : `/${rest}`;
}

/** The sources that are in use, in their order. */
export function sourcesFor(
  options: Readonly<VersioningOptions>,
  isDated: boolean,
): readonly ReadSource[] {
  const { headerName, queryName, pathPrefix, mediaTypeParameter, vendor } = options;
  const field = headerName.toLowerCase();
  const inAccept = acceptReader(mediaTypeParameter, vendor);
  const sources: Readonly<Record<VersionSource, ReadSource>> = {
    header: ({ headers }) => {
      const value = headers[field];
      return typeof value === 'string' ? { source: 'header', text: value.trim() } : undefined;
    },
    path: pathSource(pathPrefix, isDated),
    query: querySource(queryName),
    'media-type': ({ headers }) => {
      const text = inAccept(headers.accept);
      return text === undefined ? undefined : { source: 'media-type', text };
    },
  };
  return options.sources.map((source) => sources[source]);
}

/** `/v2/…`, or `/2026-11-01/…` with or without the `v`: what has this form is meant as a version. */
function pathSource(prefix: string, isDated: boolean): ReadSource {
  const segment = isDated ? /^v?(\d{4}-\d\d-\d\d)$/ : /^v(\d{1,9})$/;
  const base = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return (_req, url) => {
    if (!url.startsWith(base)) return undefined;
    const end = url.slice(base.length).search(/[/?]/);
    const first = end === -1 ? url.slice(base.length) : url.slice(base.length, base.length + end);
    const text = segment.exec(first)?.[1];
    if (text === undefined) return undefined;
    const rest = end === -1 ? '' : url.slice(base.length + end);
    const bare = base.slice(0, -1) + rest;
    return { source: 'path', text, url: bare.startsWith('/') ? bare : `/${bare}` };
  };
}

/** Taken off the query, so that handlers that check theirs do not meet it. Of several the first counts, if they agree. */
function querySource(name: string): ReadSource {
  return (_req, url) => {
    const at = url.indexOf('?');
    if (at === -1 || !url.includes(name, at)) return undefined;
    const pairs = url.slice(at + 1).split('&');
    const isOurs = (pair: string): boolean => pair === name || pair.startsWith(`${name}=`);
    const texts = new Set(pairs.filter(isOurs).map((pair) => decoded(pair.slice(name.length + 1))));
    if (texts.size === 0) return undefined;
    const rest = pairs.filter((pair) => !isOurs(pair)).join('&');
    const path = url.slice(0, at);
    return {
      source: 'query',
      text: [...texts].join(', '),
      url: rest === '' ? path : `${path}?${rest}`,
    };
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
