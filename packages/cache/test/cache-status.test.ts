/** Members of Cache-Status, read back by a parser of Structured Fields (RFC 9211 §2). */
import * as fc from 'fast-check';
import { parseList, Token } from 'structured-headers';

import { type CacheStatus, cacheStatus, type Forwarded } from '../src/cache-status.ts';

test.each<[string, string, CacheStatus]>([
  ['cache', 'cache', {}],
  ['cache; hit', 'cache', { hit: true }],
  ['cache; hit; ttl=30', 'cache', { hit: true, ttlSeconds: 30 }],
  ['cache; hit; ttl=-5', 'cache', { hit: true, ttlSeconds: -5 }],
  ['cache; fwd=uri-miss; stored', 'cache', { fwd: 'uri-miss', stored: true, hit: false }],
  [
    'cache; fwd=stale; fwd-status=304; collapsed',
    'cache',
    { fwd: 'stale', fwdStatus: 304, collapsed: true },
  ],
  ['cache; fwd=bypass; detail=method', 'cache', { fwd: 'bypass', detail: 'method' }],
  ['cache; fwd=miss; detail="too large"', 'cache', { fwd: 'miss', detail: 'too large' }],
  ['cache; stored; key="/a?b=\\"c\\\\"', 'cache', { stored: true, key: '/a?b="c\\' }],
  ['cache; key="token"', 'cache', { key: 'token' }],
  ['cache; key="/%c3%a4%0d%0a%f0%9f%8c%8d"', 'cache', { key: '/ä\r\n🌍' }],
  ['"my cache"', 'my cache', {}],
  ['"1st"', '1st', {}],
  ['""', '', {}],
  ['edge.example:80/a', 'edge.example:80/a', {}],
])('writes %s', (member, name, status) => {
  expect(cacheStatus(name, status)).toBe(member);
});

test('§2.2: what is a hit was not forwarded', () => {
  expect(cacheStatus('cache', { hit: true, fwd: 'stale' })).toBe('cache; hit');
});

test('§2: parameters stand in their order, however they are given', () => {
  const status: CacheStatus = {
    detail: 'd',
    key: 'k',
    collapsed: true,
    stored: true,
    ttlSeconds: 1,
    fwdStatus: 200,
    fwd: 'partial',
  };
  expect(cacheStatus('c', status)).toBe(
    'c; fwd=partial; fwd-status=200; ttl=1; stored; collapsed; key="k"; detail=d',
  );
});

test('§2: it is read back as it was meant', () => {
  const ascii = fc.string();
  const forwarded = fc.constantFrom<Forwarded>(
    'bypass',
    'method',
    'uri-miss',
    'vary-miss',
    'miss',
    'request',
    'stale',
    'partial',
  );
  const status = fc.record(
    {
      fwd: forwarded,
      fwdStatus: fc.integer({ min: 100, max: 599 }),
      ttlSeconds: fc.integer(),
      stored: fc.boolean(),
      collapsed: fc.boolean(),
      key: ascii,
      detail: ascii,
    },
    { requiredKeys: [] },
  );
  const text = (item: unknown) => (item instanceof Token ? item.toString() : item);
  fc.assert(
    fc.property(ascii, status, (name, told) => {
      const [[item, parameters]] = parseList(cacheStatus(name, told)) as [
        [unknown, Map<string, unknown>],
      ];
      const expected = {
        fwd: told.fwd,
        'fwd-status': told.fwdStatus,
        ttl: told.ttlSeconds,
        stored: told.stored === true ? true : undefined,
        collapsed: told.collapsed === true ? true : undefined,
        key: told.key,
        detail: told.detail,
      };
      expect(text(item)).toBe(name);
      expect(Object.fromEntries([...parameters].map(([key, value]) => [key, text(value)]))).toEqual(
        Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
      );
      expect(typeof (parameters.get('key') ?? '')).toBe('string');
    }),
  );
});

test('RFC 9651 §3.3.3: any text is written in ASCII, and can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (any) => {
      const member = cacheStatus(any, { key: any, detail: any });
      expect(member).toMatch(/^[\x20-\x7e]*$/);
      expect(parseList(member)).toHaveLength(1);
    }),
  );
});
