/** What is sent to a shared store, what comes back, and how an outage of it is told. */
import { fakeClock } from '@org/core/testing';
import * as fc from 'fast-check';

import type { EntryInit } from '../src/entry.ts';
import { decode, encodeEntry, encodePointer } from '../src/entry-codec.ts';
import { Outage } from '../src/outage.ts';
import { entryOf } from './entries.ts';

/** Errors of Node's own are of another realm here. */
const ANY_MESSAGE = /\w/;

describe('records', () => {
  const KEY = 'http://a.example/ä?b';
  const optional = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  const ms = fc.integer({ min: 0, max: 2 ** 41 });
  const inits: fc.Arbitrary<Partial<EntryInit>> = fc.record({
    vary: fc.array(fc.string()),
    varyKey: fc.string({ unit: 'grapheme' }),
    status: fc.integer({ min: 200, max: 599 }),
    headers: fc.array(fc.string({ unit: 'grapheme' })),
    body: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    etag: optional,
    modifiedAt: ms,
    lastModified: optional,
    dateAt: ms,
    lifetimeMs: fc.double({ min: 0, max: 2 ** 41, noNaN: true }).map((one) => one + 0),
    staleWhileRevalidateMs: ms,
    staleIfErrorMs: ms,
    mustValidate: fc.boolean(),
    mayBeStale: fc.boolean(),
    shared: fc.boolean(),
    tags: fc.array(fc.string({ unit: 'grapheme' })),
    route: optional,
    codable: fc.boolean(),
  });

  test('come back as they went, in another process with a monotonic clock of its own', () => {
    fc.assert(
      fc.property(inits, fc.array(fc.nat()), fc.nat(100_000), (init, versions, laterMs) => {
        const here = fakeClock(1_000_000);
        here.advance(5000);
        const entry = entryOf({ ...init, key: KEY, bornMs: 2000, stamp: 7 });
        const bytes = encodeEntry(entry, versions, here);
        // Started an hour earlier, so that its monotonic time is ahead.
        const there = fakeClock(1_000_000 - 3_600_000);
        there.advance(3_600_000 + 5000 + laterMs);
        const found = decode(new Uint8Array(bytes), KEY, 9, there);
        expect(found).toEqual({
          entry: entryOf({
            ...init,
            key: KEY,
            bornMs: 3_600_000 + 2000,
            stamp: 9,
          }),
          versions,
        });
      }),
    );
  });

  test('keep an age that the other clock would make negative at nothing', () => {
    const ahead = fakeClock(1_000_000);
    const behind = fakeClock(500_000);
    behind.advance(100);
    const found = decode(encodeEntry(entryOf(), [], ahead), KEY, 0, behind);
    expect(found).toMatchObject({ entry: { bornMs: 100 } });
  });

  test('that point to others name the fields', () => {
    const names = ['accept', 'accept-language'];
    const found = decode(encodePointer(names), KEY, 0, fakeClock());
    expect(found).toEqual({ pointsTo: names });
  });

  test('are read from the middle of a larger buffer', () => {
    const bytes = encodeEntry(entryOf({ body: Buffer.from('body') }), [3], fakeClock());
    const around = Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('yy')]);
    const found = decode(around.subarray(2, -2), KEY, 0, fakeClock());
    expect(found).toMatchObject({ entry: { body: Buffer.from('body') }, versions: [3] });
  });

  test('cut off anywhere in their head, and bytes that are none, are an error', () => {
    const clock = fakeClock();
    const whole = encodeEntry(entryOf(), [1], clock);
    for (let end = 0; end < whole.length; end++) {
      expect(() => decode(whole.subarray(0, end), KEY, 0, clock)).toThrow(ANY_MESSAGE);
    }
    const framed = (text: string): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return Buffer.concat([length, Buffer.from(text)]);
    };
    for (const text of ['', 'null', '7', '"pointsTo"', '[]', '{}', '{"pointsTo":7}', 'body']) {
      expect(() => decode(framed(text), KEY, 0, clock)).toThrow(ANY_MESSAGE);
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decode(bytes, KEY, 0, clock)).toThrow(ANY_MESSAGE);
      }),
    );
  });
});

describe('an outage', () => {
  test('begins with the third failure in a row, once, and lasts until the store is found to work', () => {
    const outage = new Outage();
    expect([outage.failed(), outage.failed()]).toEqual([false, false]);
    outage.worked();
    expect([outage.failed(), outage.failed(), outage.down]).toEqual([false, false, false]);
    expect([outage.failed(), outage.failed()]).toEqual([true, false]);
    expect([outage.down, outage.failuresTotal]).toEqual([true, 6]);
    outage.worked();
    expect(outage.down).toBe(false);
  });
});
