import { fakeClock } from '@org/core/testing';
import { memoryStore, type Row } from '@org/analytics';

import { GuardedStore } from '../src/guarded-store.ts';

test('others get their turn between large rows, also within a page', async () => {
  const inner = memoryStore();
  const payload = 'x'.repeat(300_000);
  const range = { tier: 'minute', kind: 'endpoints', fromAt: 0, toAt: 100 } as const;
  await inner.put(
    Array.from({ length: 8 }, (_, startAt): Row => {
      return { tier: 'minute', kind: 'endpoints', startAt, writer: 'a', revision: 1, payload };
    }),
  );
  const store = new GuardedStore(inner, 1000, fakeClock());
  let turns = 0;
  let read = 0;
  const turn = (): void => {
    turns++;
    if (read < 8) setImmediate(turn);
  };
  setImmediate(turn);
  for await (const row of store.rows(range)) read += Number(row.payload === payload);
  expect(read).toBe(8);
  expect(turns).toBeGreaterThanOrEqual(7);
});
