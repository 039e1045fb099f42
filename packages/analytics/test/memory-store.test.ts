import { OptionError } from '@org/core';
import { memoryStore, type Row } from '@org/analytics';

import { describeStore } from './store-suite.ts';

afterEach(() => jest.restoreAllMocks());

describeStore('memory', () => Promise.resolve(memoryStore()));

test('memory is bounded: the oldest minutes go first, and hours outlive them', async () => {
  jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
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

test('memory tells when minutes have to go that no hour has', async () => {
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const store = memoryStore({ maxBytes: 1024 * 1024 });
  const row = { tier: 'minute', kind: 'endpoints', writer: '', revision: 1 } as const;
  const payload = 'x'.repeat(300_000);
  const put = (startAt: number): void => void store.put([{ ...row, startAt, payload }]);
  put(0);
  await store.replace({ ...row, tier: 'hour', startAt: 0, payload: '{}' }, 0, [
    { ...row, startAt: 0 },
  ]);
  for (const startAt of [1, 2, 3]) put(startAt);
  expect(warned).not.toHaveBeenCalled();
  for (const startAt of [4, 5]) put(startAt);
  expect(warned.mock.calls.map(([told]) => told)).toEqual([
    expect.stringContaining('1970-01-01T00:00:00.001Z goes before it is rolled up'),
  ]);
});

test('a store too small to be of use is refused', () => {
  expect(() => memoryStore({ maxBytes: 10 })).toThrow(OptionError);
});
