/** Memory: its bounds, what goes first, who is admitted, and answers that differ by `Vary`. */
import * as fc from 'fast-check';

import type { Entry } from '../src/entry.ts';
import { MemoryTier } from '../src/memory-tier.ts';
import { Representation } from '../src/representation.ts';
import { varyKey } from '../src/vary.ts';
import { entryOf } from './entries.ts';

function tier(maxBytes: number, maxVariants: number = 16): MemoryTier {
  return new MemoryTier({ maxBytes, maxVariants, random: () => 0.5 });
}

function sized(key: string, bytes: number): Entry {
  return entryOf({ key, body: Buffer.alloc(bytes) });
}

function variant(language: string | undefined, bytes: number = 0): Entry {
  const headers = { 'accept-language': language };
  const vary = ['accept-language'];
  return entryOf({ vary, varyKey: varyKey(vary, headers), body: Buffer.alloc(bytes) });
}

/** As the cache does it: asked for, not there, stored. */
function miss(memory: MemoryTier, entry: Entry): boolean {
  memory.find(entry.init.key, {});
  return memory.put(entry);
}

const KEY = entryOf().init.key;
const KIB = 1024;

describe('bounds', () => {
  test('bytes are never more than allowed, whatever is put, found, grown and removed', () => {
    const step = fc.record({
      key: fc.integer({ min: 0, max: 12 }).map(String),
      language: fc.constantFrom('de', 'en', 'fr', 'it'),
      bytes: fc.integer({ min: 0, max: 30 * KIB }),
      act: fc.constantFrom('put', 'put', 'put', 'find', 'grow', 'remove'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const maxBytes = 64 * KIB;
        const memory = tier(maxBytes, 3);
        for (const { key, language, bytes, act } of steps) {
          const headers = { 'accept-language': language };
          const vary = ['accept-language'];
          const entry = entryOf({
            key,
            vary,
            varyKey: varyKey(vary, headers),
            body: Buffer.alloc(bytes),
          });
          const [known] = memory.all(key);
          if (act === 'put') memory.put(entry);
          else if (act === 'find') memory.find(key, headers);
          else if (act === 'remove') memory.remove(known ?? entry);
          else if (known !== undefined) {
            const telling = { cacheStatus: false, cacheName: '' };
            known.representations.set(
              'gzip',
              new Representation(known, 'gzip', Buffer.alloc(bytes), telling),
            );
            memory.remeasure(known);
          }
          expect(memory.bytes).toBeLessThanOrEqual(maxBytes);
          const stored = Array.from({ length: 13 }, (_, n) => memory.all(String(n)));
          expect(memory.keys).toBe(stored.filter((entries) => entries.length > 0).length);
          const held = stored.flat().reduce((total, one) => total + one.bytes, 0);
          expect(memory.bytes).toBe(held);
          expect(Math.max(...stored.map(({ length }) => length))).toBeLessThanOrEqual(3);
        }
      }),
    );
  });

  test('what is larger than all of memory is not admitted, and drives nothing out', () => {
    const memory = tier(10 * KIB);
    expect(memory.put(sized('small', KIB))).toBe(true);
    expect(memory.put(sized('huge', 11 * KIB))).toBe(false);
    expect(memory.has('huge')).toBe(false);
    expect(memory.has('small')).toBe(true);
  });

  test('the least recently used goes first, and is counted', () => {
    const memory = tier(10 * KIB);
    for (const key of ['a', 'b', 'c']) miss(memory, sized(key, 2 * KIB));
    memory.find('a', {});
    miss(memory, sized('d', 2 * KIB));
    expect(['a', 'b', 'c', 'd'].map((key) => memory.has(key))).toEqual([true, false, true, true]);
    expect(memory.evictedTotal).toBe(1);
  });

  test('looking at everything under a key is no use', () => {
    const memory = tier(10 * KIB);
    for (const key of ['a', 'b', 'c']) miss(memory, sized(key, 2 * KIB));
    expect(memory.all('a')).toHaveLength(1);
    miss(memory, sized('d', 2 * KIB));
    expect(memory.has('a')).toBe(false);
  });

  test('all can be forgotten at once', () => {
    const memory = tier(10 * KIB);
    memory.put(sized('a', KIB));
    memory.clear();
    expect([memory.keys, memory.bytes, memory.has('a')]).toEqual([0, 0, false]);
  });
});

describe('admission by use', () => {
  const MAX_BYTES = 1000 * 2 * KIB;
  const used = Array.from({ length: 200 }, (_, n) => `used ${n}`);

  function full(): MemoryTier {
    const memory = tier(MAX_BYTES);
    for (const key of used) {
      miss(memory, sized(key, 2 * KIB));
      for (let times = 0; times < 8; times++) memory.find(key, {});
    }
    for (let n = 0; miss(memory, sized(`filler ${n}`, 2 * KIB)); n++);
    return memory;
  }

  const kept = (memory: MemoryTier): number => used.filter((key) => memory.has(key)).length;

  test('a walk over addresses that are asked for once does not drive out what is used', () => {
    const memory = full();
    const before = kept(memory);
    for (let n = 0; n < 5000; n++) miss(memory, sized(`once ${n}`, 2 * KIB));
    expect(before).toBeGreaterThan(190);
    expect(kept(memory)).toBeGreaterThan(before * 0.95);
  });

  test('nor does one over large answers, each of which would drive out many', () => {
    const memory = full();
    const before = kept(memory);
    for (let n = 0; n < 200; n++) miss(memory, sized(`large ${n}`, 400 * KIB));
    expect(kept(memory)).toBe(before);
  });

  test('nor does a large one drive out what is used together with what is not', () => {
    const memory = tier(10 * KIB);
    for (const key of ['once', 'a', 'b']) miss(memory, sized(key, 2 * KIB));
    for (const key of ['a', 'b', 'a', 'b']) memory.find(key, {});
    expect(miss(memory, sized('large', 6 * KIB))).toBe(false);
    expect(memory.keys).toBe(3);
    expect(miss(memory, sized('small', 2 * KIB))).toBe(true);
    expect(['once', 'a', 'b'].map((key) => memory.has(key))).toEqual([false, true, true]);
  });

  test('what is asked for as often as what it drives out is admitted', () => {
    const memory = full();
    let misses = 0;
    while (!miss(memory, sized('newcomer', 2 * KIB))) misses++;
    expect(misses).toBeLessThanOrEqual(10);
    expect(memory.has('newcomer')).toBe(true);
  });

  test('what is used no longer gives way in the end', () => {
    const memory = full();
    for (let n = 0; n < 60_000; n++) miss(memory, sized(`once ${n}`, 2 * KIB));
    expect(kept(memory)).toBe(0);
  });

  test('what is replaced keeps the count of its uses', () => {
    const memory = full();
    const before = kept(memory);
    for (const key of used) if (memory.has(key)) memory.put(sized(key, 2 * KIB));
    // The others come to be the least recently used by and by.
    for (let n = 0; n < 3000; n++) miss(memory, sized(`once ${n}`, 2 * KIB));
    expect(kept(memory)).toBeGreaterThan(before * 0.95);
  });
});

describe('answers that differ by Vary (RFC 9111 §4.1)', () => {
  const find = (memory: MemoryTier, language: string | undefined): Entry | undefined =>
    memory.find(KEY, language === undefined ? {} : { 'accept-language': language });

  test('stand beside each other, and each is found by its own request', () => {
    const memory = tier(100 * KIB);
    const [german, english, none] = [variant('de'), variant('en'), variant(undefined)];
    for (const entry of [german, english, none]) memory.put(entry);
    expect(find(memory, 'de')).toBe(german);
    expect(find(memory, 'en')).toBe(english);
    expect(find(memory, undefined)).toBe(none);
    expect(find(memory, 'fr')).toBeUndefined();
    expect(memory.keys).toBe(1);
  });

  test('are replaced one by one', () => {
    const memory = tier(100 * KIB);
    const english = variant('en');
    for (const entry of [variant('de'), english, variant('de')]) memory.put(entry);
    const german = variant('de');
    memory.put(german);
    expect(memory.all(KEY)).toEqual([german, english]);
  });

  test('also by other fields: the newest that a request chooses is its answer', () => {
    const memory = tier(100 * KIB);
    const german = variant('de');
    const plain = entryOf();
    memory.put(german);
    memory.put(plain);
    expect(memory.all(KEY)).toEqual([plain, german]);
    expect(find(memory, 'de')).toBe(plain);
    const again = variant('de');
    memory.put(again);
    expect(find(memory, 'de')).toBe(again);
    expect(find(memory, 'en')).toBe(plain);
  });

  test('are at most so many, the newest', () => {
    const memory = tier(100 * KIB, 2);
    for (const language of ['de', 'en', 'fr']) memory.put(variant(language));
    expect(find(memory, 'de')).toBeUndefined();
    expect(find(memory, 'en')).toBeDefined();
    expect(find(memory, 'fr')).toBeDefined();
  });

  test('that do not fit together leave the oldest out, not all', () => {
    const memory = tier(10 * KIB);
    for (const language of ['de', 'en', 'fr']) {
      expect(memory.put(variant(language, 4 * KIB))).toBe(true);
    }
    expect(memory.all(KEY).map(({ init }) => init.varyKey)).toEqual(['["fr"]', '["en"]']);
  });
});

describe('removal and growth', () => {
  test('one answer is forgotten, the others stay; who has gone already changes nothing', () => {
    const memory = tier(100 * KIB);
    const [german, english] = [variant('de'), variant('en')];
    memory.put(german);
    memory.put(english);
    memory.remove(german);
    memory.remove(german);
    expect(memory.all(KEY)).toEqual([english]);
    memory.remove(english);
    expect([memory.keys, memory.bytes]).toEqual([0, 0]);
    memory.remove(english);
    expect(memory.has(KEY)).toBe(false);
  });

  test('an answer that has been replaced is not taken for the one in its place', () => {
    const memory = tier(100 * KIB);
    const [old, fresh] = [variant('de'), variant('de')];
    memory.put(old);
    memory.put(fresh);
    memory.remove(old);
    expect(memory.all(KEY)).toEqual([fresh]);
  });

  test('a coded body counts, and drives out others, once it is measured', () => {
    const memory = tier(20 * KIB);
    const entry = sized('grows', 4 * KIB);
    memory.put(sized('other', 4 * KIB));
    memory.put(entry);
    const before = memory.bytes;
    const telling = { cacheStatus: false, cacheName: '' };
    entry.representations.set(
      'br',
      new Representation(entry, 'br', Buffer.alloc(12 * KIB), telling),
    );
    memory.remeasure(entry);
    expect(memory.has('other')).toBe(false);
    expect(memory.has('grows')).toBe(true);
    expect(memory.bytes).toBeGreaterThan(before);
    expect(memory.bytes).toBe(entry.bytes);
  });

  test('measuring what is not there puts nothing there', () => {
    const memory = tier(20 * KIB);
    memory.remeasure(sized('gone', KIB));
    expect(memory.keys).toBe(0);
  });
});
