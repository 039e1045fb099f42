/** Stopping statements over one connection, told by a stand-in of it. */
import { fakeClock } from '@org/core/testing';

import { Canceller } from '../src/canceller.ts';
import type { PgPool } from '../src/pg-pool.ts';

test('whoever asks just when the others have been told is told of, too', async () => {
  const stopped: number[] = [];
  class Client {
    on(): void {}
    async connect(): Promise<void> {}
    async query({ values }: { values: readonly [readonly number[]] }): Promise<void> {
      stopped.push(...values[0]);
    }
    async end(): Promise<void> {}
  }
  const pool = { Client, options: { max: 1 } } as unknown as PgPool;
  const canceller = new Canceller(pool, fakeClock(), 1000);
  await canceller.cancel(1);
  await canceller.cancel(2);
  expect(stopped).toEqual([1, 2]);
  await canceller.close();
});
