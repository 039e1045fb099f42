import { OptionError } from '@org/core';
import { memoryStore, type Row } from '@org/analytics';

import { describeStore } from './store-suite.ts';

describeStore('memory', () => Promise.resolve(memoryStore()));

test('memory is bounded: the oldest minutes go first, and hours outlive them', async () => {
  const store = memoryStore({ maxBytes: 1024 * 1024 });
  const payload = 'x'.repeat(10_000);
  const row = (tier: 'minute' | 'hour', startAt: number): Row => ({
    tier,
    kind: 'endpoints',
    startAt,
    writer: '',
    revision: 1,
    payload,
  });
  await store.put([row('hour', 0)]);
  for (let at = 0; at < 500; at++) void store.put([row('minute', at)]);
  const range = { kind: 'endpoints', fromAt: 0, toAt: 1000, limit: 1000 } as const;
  const minutes = await store.read({ tier: 'minute', ...range });
  expect(minutes.length).toBeLessThanOrEqual(104);
  expect(minutes.length).toBeGreaterThan(95);
  expect(minutes.at(-1)!.startAt).toBe(499);
  expect(await store.read({ tier: 'hour', ...range })).toHaveLength(1);
});

test('a store too small to be of use is refused', () => {
  expect(() => memoryStore({ maxBytes: 10 })).toThrow(OptionError);
});
