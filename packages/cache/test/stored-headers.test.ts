/** Headers of stored answers: what is kept, what a 304 changes, and what a hit sends. */
import type { OutgoingHttpHeader } from 'node:http';
import type { ResponseHead } from '@org/core';

import { codedTag, Representation } from '../src/representation.ts';
import {
  type FlatHeaders,
  HeaderSnapshot,
  storedHeaders,
  storedValue,
  updatedHeaders,
  viewOf,
  withoutNames,
} from '../src/stored-headers.ts';
import { entryOf } from './entries.ts';

/** A head as far as it is asked here. */
function headOf(headers: Readonly<Record<string, OutgoingHttpHeader>>): ResponseHead {
  const byName = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    names: () => Object.keys(headers),
    get: (name: string) => byName.get(name.toLowerCase()),
    has: (name: string) => byName.has(name.toLowerCase()),
  } as ResponseHead;
}

const NOTHING = new HeaderSnapshot(headOf({}));
const stored = (
  headers: Readonly<Record<string, OutgoingHttpHeader>>,
  without: readonly string[] = [],
): FlatHeaders => storedHeaders(headOf(headers), NOTHING, without);

describe('what is stored', () => {
  test('is every other field, also an unknown one, line by line and with numbers as text (RFC 9111 §3.1)', () => {
    expect(
      stored({ 'content-type': 'text/plain', 'X-Count': 7, Link: ['<a>', '<b>'], ETag: '"1"' }),
    ).toEqual([
      'content-type',
      'text/plain',
      'X-Count',
      '7',
      'Link',
      '<a>',
      'Link',
      '<b>',
      'ETag',
      '"1"',
    ]);
  });

  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authentication-Info',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
  ])('is not %s, which is for one connection (RFC 9110 §7.6.1, RFC 9111 §3.1)', (name) => {
    expect(stored({ [name]: 'x' })).toEqual([]);
    expect(stored({ [name.toUpperCase()]: 'x' })).toEqual([]);
  });

  test.each<[string, OutgoingHttpHeader]>([
    ['one name', 'x-one'],
    ['several', 'close, X-One , x-two'],
    ['blanks', ' \tX-ONE\t,, '],
    ['several lines', ['close', 'x-one']],
  ])('is nothing that Connection names, in %s (RFC 9111 §3.1)', (_name, connection) => {
    expect(stored({ Connection: connection, 'X-One': '1', 'X-On': '2' })).toEqual(['X-On', '2']);
  });

  test('is read from a hostile Connection in one pass', () => {
    const connection = `a${' '.repeat(100_000)}b,${'\t'.repeat(100_000)}x-one`;
    expect(stored({ Connection: connection, 'X-One': '1' })).toEqual([]);
  });

  test('is neither a cookie nor what is made anew for each answer', () => {
    expect(
      stored({ 'Set-Cookie': ['a=1'], 'Set-Cookie2': 'b', 'Content-Length': 5, Age: 3 }),
    ).toEqual([]);
  });

  test('is nothing that a qualified private or no-cache names (RFC 9111 §5.2.2.4, §5.2.2.7)', () => {
    expect(stored({ 'X-Who': 'me', 'X-What': 'this' }, ['x-who'])).toEqual(['X-What', 'this']);
  });

  test('is nothing that stood there before the cache was asked, unless it has changed', () => {
    const before = new HeaderSnapshot(
      headOf({ 'x-request-id': '1', vary: 'Origin', link: ['<a>', '<b>'], n: 7 }),
    );
    const head = headOf({
      'x-request-id': '1',
      Vary: 'Origin, Accept',
      Link: ['<a>', '<b>'],
      N: '7',
      New: '1',
    });
    expect(storedHeaders(head, before, [])).toEqual(['Vary', 'Origin, Accept', 'New', '1']);
  });
});

describe('what a 304 changes (RFC 9111 §3.2)', () => {
  const old: FlatHeaders = ['ETag', '"1"', 'Link', '<a>', 'Link', '<b>', 'X-Old', 'kept'];

  test('is every field that it brings, with all lines of it; the others stay', () => {
    expect(updatedHeaders(old, ['LINK', '<c>', 'Link', '<d>', 'X-New', 'n'])).toEqual([
      'ETag',
      '"1"',
      'X-Old',
      'kept',
      'LINK',
      '<c>',
      'Link',
      '<d>',
      'X-New',
      'n',
    ]);
    expect(updatedHeaders(old, [])).toEqual(old);
  });

  test.each(['Content-Length', 'content-encoding', 'Content-Range', 'Transfer-Encoding'])(
    'is not %s, which is about the stored body',
    (name) => {
      expect(updatedHeaders([name, 'stored'], [name.toLowerCase(), 'new'])).toEqual([
        name,
        'stored',
      ]);
      expect(updatedHeaders([], [name, 'new'])).toEqual([]);
    },
  );
});

describe('stored headers', () => {
  const headers: FlatHeaders = ['Vary', 'A', 'X', '1', 'vary', 'B'];

  test('are found whatever their case', () => {
    expect(storedValue(headers, 'vary')).toBe('A');
    expect(storedValue(headers, 'age')).toBeUndefined();
    expect(withoutNames(headers, new Set(['vary']))).toEqual(['X', '1']);
  });

  test('are judged with their lines as one list (RFC 9110 §5.3)', () => {
    const view = viewOf(203, headers);
    expect([view.status, view.get('VARY'), view.has('x'), view.has('y')]).toEqual([
      203,
      'A, B',
      true,
      false,
    ]);
  });
});

describe('a representation', () => {
  const TELLING = { cacheStatus: true, cacheName: 'express' };
  const BODY = Buffer.from('body');
  const headers = (
    of: FlatHeaders,
    {
      coding,
      codable = true,
      status = 200,
    }: { coding?: string; codable?: boolean; status?: number } = {},
  ): FlatHeaders => {
    const etag = storedValue(of, 'etag');
    const entry = entryOf({ headers: of, codable, status, etag });
    return new Representation(entry, coding, BODY, TELLING).whole;
  };

  test('has the length of its own body', () => {
    expect(headers(['X', '1'], { codable: false })).toEqual(['X', '1', 'Content-Length', '4']);
    expect(headers([], { coding: 'br' })).toEqual([
      'Vary',
      'Accept-Encoding',
      'Content-Encoding',
      'br',
      'Content-Length',
      '4',
    ]);
  });

  test('has no length where its status has no body (RFC 9110 §8.6)', () => {
    expect(headers([], { codable: false, status: 204 })).toEqual([]);
  });

  test.each<[string, FlatHeaders, string]>([
    ['nothing', [], 'Accept-Encoding'],
    ['an empty field', ['Vary', ''], 'Accept-Encoding'],
    ['another field', ['Vary', 'Origin'], 'Origin, Accept-Encoding'],
    ['several lines', ['Vary', 'Origin', 'vary', 'Accept'], 'Origin, Accept, Accept-Encoding'],
    ['itself', ['vary', 'origin , accept-ENCODING'], 'origin , accept-ENCODING'],
    [
      'itself in another line',
      ['Vary', 'Origin', 'Vary', 'Accept-Encoding'],
      'Origin, Accept-Encoding',
    ],
    ['a longer name', ['Vary', 'X-Accept-Encoding'], 'X-Accept-Encoding, Accept-Encoding'],
  ])('that can be coded varies by the coding, besides %s (RFC 9110 §12.5.5)', (_name, of, vary) => {
    for (const coding of [undefined, 'gzip']) {
      const flat = headers(of, coding === undefined ? {} : { coding });
      const values = flat.filter((_text, at) => flat[at - 1] === 'Vary');
      expect(values).toEqual([vary]);
    }
  });

  test.each([
    ['"1"', '"1-br"'],
    ['""', '"-br"'],
    ['W/"1"', 'W/"1"'],
    ['unquoted', 'unquoted'],
    [undefined, undefined],
  ])('of %s in br has the validator %s (RFC 9110 §8.8.3.3)', (etag, coded) => {
    expect(codedTag(etag, 'br')).toBe(coded);
    const flat = headers(etag === undefined ? [] : ['etag', etag], { coding: 'br' });
    expect(storedValue(flat, 'etag')).toBe(coded);
  });

  test('tells its age and what is left of its time, made once a second', () => {
    const one = new Representation(entryOf(), undefined, BODY, TELLING);
    const head = one.headOf(3, 57);
    expect(head.slice(-4)).toEqual(['Age', '3', 'Cache-Status', 'express; hit; ttl=57']);
    expect(one.headOf(3, 57)).toBe(head);
    expect(one.headOf(3, 0).at(-1)).toBe('express; hit; ttl=0');
    expect(one.headOf(4, 0)).toContain('4');
    const silent = { cacheStatus: false, cacheName: 'express' };
    expect(new Representation(entryOf(), undefined, BODY, silent).headOf(3, 57)).not.toContain(
      'Cache-Status',
    );
  });
});
