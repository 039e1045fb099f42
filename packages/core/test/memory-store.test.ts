import { memoryStore } from '@org/core';
import { fakeClock, storeContract } from '@org/core/testing';

let latest = fakeClock();

storeContract('memoryStore', {
  make: () => {
    latest = fakeClock();
    return Promise.resolve(memoryStore({ clock: latest }));
  },
  pass: (ms) => latest.advance(ms),
});

describe('memoryStore', () => {
  test('stays within its bytes, least recently used out first', () => {
    const store = memoryStore({ maxBytes: 100_000 });
    for (let at = 0; at < 1000; at++) void store.set(`key-${at}`, new Uint8Array(1000), 60_000);
    const stats = store.stats!();
    expect(stats.entriesBytes).toBeLessThanOrEqual(100_000);
    expect(stats.evictedTotal).toBeGreaterThan(900);
    expect(store.get('key-0')).toBeUndefined();
    expect(store.get('key-999')).toBeDefined();
  });

  test('stays within its entries, counters and tags included', () => {
    const store = memoryStore({ maxEntries: 10 });
    for (let at = 0; at < 100; at++) {
      void store.set(`key-${at}`, new Uint8Array(1), 60_000);
      void store.add(`key-${at}`, 1, 60_000);
      void store.bump([`tag-${at}`]);
    }
    expect(store.stats!()).toMatchObject({ entries: 10, counters: 10, tags: 10 });
  });

  test('answers a forgotten tag with a version that nobody can have stored', async () => {
    const store = memoryStore({ maxEntries: 2 });
    const [remembered] = await store.bump(['a']);
    await store.bump(['b', 'c', 'd']);
    const [now] = await store.versions(['a']);
    expect(now).not.toBe(remembered);
  });

  test.each([0, -1, Number.NaN, 2 ** 31])('refuses a time to live of %p', (ttlMs) => {
    expect(() => memoryStore().set('key', new Uint8Array(1), ttlMs)).toThrow(RangeError);
  });
});
