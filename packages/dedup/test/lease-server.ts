/**
 * A service to be killed: it books amounts under keys with leases. Its store is its parent's,
 * asked by messages, and so survives it. What it books, it tells its parent.
 */
import type { AddressInfo } from 'node:net';
import { answerProblem, type ProblemError } from '@org/core';
import express, { type NextFunction, type Request, type Response } from 'express';
import { idempotency, type RecordStore } from '../src/index.ts';

/** What the child asks of the store, and what it is answered; bytes as base64 text. */
export interface StoreCall {
  readonly call: number;
  readonly name: 'get' | 'set' | 'claim' | 'compareAndSet';
  readonly given: readonly unknown[];
}

const pending = new Map<number, (value: unknown) => void>();
let calls = 0;
process.on('message', ({ call, value }: { call: number; value: unknown }) => {
  pending.get(call)?.(value);
  pending.delete(call);
});

const wire = (value: unknown): unknown =>
  value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
const unwire = (value: unknown): never =>
  (typeof value === 'object' && value !== null
    ? Buffer.from((value as { bytes: string }).bytes, 'base64')
    : (value ?? undefined)) as never;

function ask(name: StoreCall['name'], ...given: readonly unknown[]): Promise<never> {
  const call = ++calls;
  process.send?.({ call, name, given: given.map(wire) } satisfies StoreCall);
  return new Promise((resolve) => pending.set(call, (value) => resolve(unwire(value))));
}

const store: RecordStore = {
  get: (key) => ask('get', key),
  set: (key, value, ttlMs) => ask('set', key, value, ttlMs),
  delete: () => false,
  claim: (key, value, ttlMs) => ask('claim', key, value, ttlMs),
  compareAndSet: (key, expected, next, ttlMs) => ask('compareAndSet', key, expected, next, ttlMs),
};

const app = express();
app.use(express.json(), idempotency({ store, storeTimeoutMs: 5000 }));
app.post('/book', (req, res) => {
  const key = req.get('idempotency-key');
  if (req.get('x-stop-at') === 'before') {
    process.send?.({ stopped: key });
    return;
  }
  process.send?.({ booked: key });
  if (req.get('x-stop-at') === 'after') {
    process.send?.({ stopped: key });
    return;
  }
  res.status(201).json({ key });
});
app.use((error: ProblemError, _req: Request, res: Response, _next: NextFunction) =>
  answerProblem(res, error),
);
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
