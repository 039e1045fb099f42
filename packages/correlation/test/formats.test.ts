/** The formats by themselves: grammars, limits and round trips. */
import * as fc from 'fast-check';

import { formatB3, parseB3, parseB3Multi } from '../src/b3.ts';
import { Baggage } from '../src/baggage.ts';
import { RandomIds } from '../src/random-ids.ts';
import { sampler } from '../src/trace.ts';
import { formatTraceparent, parseTraceparent } from '../src/traceparent.ts';
import { isTracestateKey, parseTracestate, withOwnMember } from '../src/tracestate.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

const signs = (all: string) => fc.constantFrom(...Array.from(all));
const hex = (length: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((digits) => !/^0+$/.test(digits));

describe('traceparent (Trace Context §3.2)', () => {
  test('is read and written', () => {
    fc.assert(
      fc.property(
        hex(32),
        hex(16),
        fc.boolean(),
        fc.boolean(),
        (traceId, spanId, sampled, random) => {
          const field = formatTraceparent(traceId, spanId, sampled, random);
          expect(parseTraceparent(field)).toMatchObject({ traceId, spanId, sampled, random });
        },
      ),
    );
  });

  test.each([
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['upper case in the span', `00-${TRACE}-${SPAN.toUpperCase()}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['more after version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['a dash after version 00', `00-${TRACE}-${SPAN}-01-`],
    ['a later version without a dash', `cc-${TRACE}-${SPAN}-01.more`],
    ['two fields in one', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['flags of one digit', `00-${TRACE}-${SPAN}-1`],
    ['nothing', ''],
  ])('is refused with %s', (_name, field) => {
    expect(parseTraceparent(field)).toBeUndefined();
  });

  test('of a later version is read by its known part (§3.2.4)', () => {
    const expected = {
      traceId: TRACE,
      spanId: SPAN,
      sampled: true,
      random: false,
      state: undefined,
    };
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01`)).toEqual(expected);
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-what-comes`)).toEqual(expected);
  });

  test('flags: sampled and random count, and unknown ones are not sent on (§3.2.2.5)', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)).toMatchObject({
      sampled: true,
      random: true,
    });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)).toMatchObject({
      sampled: false,
      random: true,
    });
    expect(formatTraceparent(TRACE, SPAN, true, true)).toBe(`00-${TRACE}-${SPAN}-03`);
  });

  test('any text is read as the grammar says, and never throws (§3.2.2)', () => {
    const field = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
    const later = /^(?!ff|00)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}-/;
    const near = fc
      .tuple(
        fc.constantFrom('00', '01', 'cc', 'ff', '0g'),
        fc.oneof(hex(32), fc.constant('0'.repeat(32))),
        fc.oneof(hex(16), fc.constant('0'.repeat(16))),
        fc.constantFrom('00', '01', '02', '03', 'fe', 'f', '0A'),
        fc.constantFrom('', '', '-', '-x', '.x'),
        fc.nat({ max: 60 }),
        fc.option(signs('0123456789abcdefF-. g/:`@☃')),
      )
      .map(([version, trace, span, flags, more, at, sign]) => {
        const text = `${version}-${trace}-${span}-${flags}${more}`;
        return sign === null ? text : text.slice(0, at) + sign + text.slice(at + 1);
      });
    fc.assert(
      fc.property(near, (text) => {
        const found = parseTraceparent(text);
        expect(found !== undefined).toBe(field.test(text) || later.test(text));
        if (found === undefined) return;
        const flags = Number.parseInt(text.slice(53, 55), 16);
        expect([found.sampled, found.random]).toEqual([(flags & 1) !== 0, (flags & 2) !== 0]);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('tracestate (Trace Context §3.3)', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789_-*/';
  const key = fc
    .tuple(signs('abcxyz'), fc.string({ unit: signs(letters), maxLength: 20 }))
    .map((parts) => parts.join(''));
  const value = fc.stringMatching(/^[\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,20}$/);

  test('every valid list passes unchanged, in its order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, value), {
          selector: ([one]) => one,
          minLength: 1,
          maxLength: 32,
        }),
        (members) => {
          const field = members.map((member) => member.join('=')).join(',');
          expect(parseTracestate(field)).toBe(field);
        },
      ),
    );
  });

  test.each([
    ['foo=1 \t , \t bar=2,, ', 'foo=1,bar=2'],
    ['foo= 1', 'foo= 1'],
    ['tenant@system=1', 'tenant@system=1'],
    [`${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`],
    [`${'t'.repeat(241)}@${'v'.repeat(14)}=1`, `${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
    [`a=${'x'.repeat(256)}`, `a=${'x'.repeat(256)}`],
  ])('%j passes', (field, expected) => {
    expect(parseTracestate(field)).toBe(expected);
  });

  test.each([
    ['nothing', ''],
    ['empty members only', ' , ,'],
    ['a duplicate', 'foo=1,bar=2,foo=3'],
    ['upper case', 'FOO=1'],
    ['a dot', 'foo.bar=1'],
    ['a space before =', 'foo =1'],
    ['no value', 'foo='],
    ['no =', 'foo'],
    ['two =', 'foo=1=2'],
    ['an empty system', 'foo@=1,bar=2'],
    ['an empty tenant', '@foo=1,bar=2'],
    ['two @', 'foo@@bar=1,bar=2'],
    ['three parts', 'foo@bar@baz=1'],
    ['a key of 257', `${'z'.repeat(257)}=1`],
    ['a tenant of 242', `${'t'.repeat(242)}@v=1`],
    ['a system of 15', `t@${'v'.repeat(15)}=1`],
    ['a value of 257', `a=${'x'.repeat(257)}`],
    ['a value that is not ASCII', 'a=é'],
    ['33 members', Array.from({ length: 33 }, (_, at) => `k${at}=1`).join(',')],
  ])('with %s it is dropped whole', (_name, field) => {
    expect(parseTracestate(field)).toBeUndefined();
  });

  /** The grammar as §3.3.1 writes it, for comparison with the scanner. */
  function byGrammar(field: string): string | undefined {
    const name = String.raw`(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})`;
    const text = String.raw`[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]`;
    const members = field
      .split(',')
      .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
      .filter((member) => member !== '');
    const keys = members.map((member) => new RegExp(`^(${name})=${text}$`).exec(member)?.[1]);
    const isValid = keys.length > 0 && keys.length <= 32 && !keys.includes(undefined);
    return isValid && new Set(keys).size === keys.length ? members.join(',') : undefined;
  }

  test('any text is read as the grammar says, and never throws', () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.string({ unit: signs('aab01z@=, \t_-*/') }) },
      { weight: 2, arbitrary: fc.tuple(key, value).map((member) => `${member.join('=')},`) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(',', '=', '@', ' ', 'A', '.', '~', '\x7f', 'é', '☃'),
      },
      { weight: 1, arbitrary: fc.integer({ min: 239, max: 258 }).map((n) => 'x'.repeat(n)) },
      { weight: 1, arbitrary: fc.integer({ min: 12, max: 16 }).map((n) => `@${'y'.repeat(n)}=1`) },
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const field = pieces.join('');
        expect(parseTracestate(field)).toBe(byGrammar(field));
        const own = field.split(',', 1)[0]!;
        expect(isTracestateKey(own)).toBe(
          byGrammar(`${own}=1`) === `${own}=1` && !own.includes('='),
        );
      }),
      { numRuns: 3000 },
    );
  });

  test('our own member moves to the front, and 32 stay 32 (§3.5)', () => {
    expect(withOwnMember(undefined, 'acme', '1')).toBe('acme=1');
    expect(withOwnMember('foo=1,acme=0,bar=2', 'acme', '1')).toBe('acme=1,foo=1,bar=2');
    const full = Array.from({ length: 32 }, (_, at) => `k${at}=1`).join(',');
    const members = withOwnMember(full, 'acme', '1').split(',');
    expect(members).toHaveLength(32);
    expect(members[0]).toBe('acme=1');
    expect(members).not.toContain('k31=1');
  });

  test('knows its keys', () => {
    expect(isTracestateKey('acme')).toBe(true);
    expect(isTracestateKey('tenant@acme')).toBe(true);
    expect(isTracestateKey('Acme')).toBe(false);
    expect(isTracestateKey('acme=')).toBe(false);
  });
});

describe('B3', () => {
  const whole = { traceId: TRACE, spanId: SPAN, random: false, state: undefined };

  test.each([
    [`${TRACE}-${SPAN}-1`, { ...whole, sampled: true }],
    [`${TRACE}-${SPAN}-0-${SPAN}`, { ...whole, sampled: false }],
    [`${TRACE}-${SPAN}-d`, { ...whole, sampled: true }],
    [`${TRACE}-${SPAN}`, { ...whole, sampled: undefined }],
    [`${SPAN}-${SPAN}-1`, { ...whole, traceId: `${'0'.repeat(16)}${SPAN}`, sampled: true }],
    ['0', { sampled: false }],
    ['1', { sampled: true }],
    ['d', { sampled: true }],
  ])('the single header %s is read', (field, expected) => {
    expect(parseB3(field)).toEqual(expected);
  });

  test.each([
    '',
    '2',
    TRACE,
    `${TRACE}-`,
    `${TRACE}-${SPAN}-2`,
    `${TRACE}-${SPAN}-1-`,
    `${TRACE.toUpperCase()}-${SPAN}-1`,
    `${'0'.repeat(32)}-${SPAN}-1`,
    `${TRACE}-${'0'.repeat(16)}-1`,
    `${TRACE.slice(1)}-${SPAN}-1`,
    `${TRACE}-${SPAN}-1-${SPAN}-1`,
  ])('the single header %j is refused', (field) => {
    expect(parseB3(field)).toBeUndefined();
  });

  test('the single header is read as it is written', () => {
    fc.assert(
      fc.property(
        hex(32),
        hex(16),
        fc.boolean(),
        fc.option(hex(16), { nil: undefined }),
        (traceId, spanId, sampled, parent) => {
          expect(parseB3(formatB3(traceId, spanId, sampled, parent))).toMatchObject({
            traceId,
            spanId,
            sampled,
          });
        },
      ),
    );
  });

  test.each<[Record<string, string>, object | undefined]>([
    [
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': '1' },
      { ...whole, sampled: true },
    ],
    [
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-sampled': 'false' },
      { ...whole, sampled: false },
    ],
    [
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN, 'x-b3-flags': '1' },
      { ...whole, sampled: true },
    ],
    [
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': SPAN },
      { ...whole, sampled: undefined },
    ],
    [{ 'x-b3-sampled': '0' }, { sampled: false }],
    [{ 'x-b3-traceid': TRACE, 'x-b3-sampled': '1' }, undefined],
    [{ 'x-b3-traceid': `${TRACE}0`, 'x-b3-spanid': SPAN }, undefined],
    [{}, undefined],
  ])('the several headers %j are read', (headers, expected) => {
    expect(parseB3Multi((name) => headers[name])).toEqual(expected);
  });
});

describe('Baggage', () => {
  const limits = { keys: ['user', 'tier', 'a b'.slice(0, 1)], maxMembers: 3, maxBytes: 60 };

  function read(field: string): Baggage {
    const baggage = new Baggage(limits);
    baggage.read(field);
    return baggage;
  }

  test('passes keys on the list, in order, with properties and = in values', () => {
    const baggage = read('user=a=b%20c;ttl=3 , secret=1, tier = gold ; p');
    expect(baggage.toString()).toBe('user=a=b%20c;ttl=3,tier=gold;p');
    expect(baggage.entries()).toEqual([
      ['user', 'a=b c'],
      ['tier', 'gold'],
    ]);
  });

  test.each(['user', 'user="x"', 'user=a b', 'us er=1', 'user=a\\b', 'user=1;p q=1', '=1'])(
    'leaves out %j, and keeps the rest',
    (member) => {
      expect(read(`${member},tier=gold`).toString()).toBe('tier=gold');
    },
  );

  test('keeps to its limits, and takes back what is too much', () => {
    const baggage = read(`user=${'x'.repeat(50)},tier=gold`);
    expect(baggage.toString()).toBe(`user=${'x'.repeat(50)}`);
    expect(baggage.set('user', 'y'.repeat(100))).toBe(false);
    expect(baggage.get('user')).toBe('x'.repeat(50));
    expect(baggage.set('other', '1')).toBe(false);
    expect(baggage.set('user', '1')).toBe(true);
    expect(baggage.delete('user')).toBe(true);
    expect(baggage.size).toBe(0);
  });

  test('broken percent-encoding and broken UTF-8 are read, not thrown (§3.3.1)', () => {
    expect(read('user=%zz%').get('user')).toBe('%zz%');
    expect(read('user=%ff').get('user')).toBe('\ufffd');
  });

  test('any value survives the way', () => {
    const wide = { keys: ['k'], maxMembers: 1, maxBytes: 8192 };
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const sent = new Baggage(wide);
        expect(sent.set('k', value)).toBe(true);
        const received = new Baggage(wide);
        received.read(sent.toString());
        expect(received.get('k')).toBe(Buffer.from(value).toString());
      }),
    );
  });
});

describe('ids and sampling', () => {
  test('ids have their form, differ, and cross the end of the pool', () => {
    const ids = new RandomIds();
    const seen = new Set<string>();
    for (let at = 0; at < 2000; at++) {
      const [trace, span] = [ids.traceId(), ids.spanId()];
      expect(trace).toMatch(/^[0-9a-f]{32}$/);
      expect(span).toMatch(/^[0-9a-f]{16}$/);
      seen.add(trace).add(span);
    }
    expect(seen.size).toBe(4000);
  });

  test('zeros are never an id: a source of nothing else is an error', () => {
    expect(() => new RandomIds((bytes) => bytes.fill(0)).traceId()).toThrow(/zeros only/);
    let first = true;
    const ids = new RandomIds((bytes) => {
      bytes.fill(first ? 0 : 7);
      if (first) bytes.fill(1, 16);
      first = false;
    });
    expect(ids.traceId()).toBe('01'.repeat(16));
  });

  test('a share samples by the random end of the id, all by the same', () => {
    expect(sampler(1)('0'.repeat(31) + '1')).toBe(true);
    expect(sampler(0)('f'.repeat(32))).toBe(false);
    const half = sampler(0.5);
    expect(half(`${'f'.repeat(18)}7fffffffffffff`)).toBe(false);
    expect(half(`${'0'.repeat(18)}80000000000001`)).toBe(true);
  });
});
