/** A service behind idempotency keys, on a clock that its test moves. */
import type { Express, Response } from 'express';
import type { FakeClock, Served } from '@org/core/testing';
import { type Idempotency, idempotency, type IdempotencyOptions } from '@org/dedup';
import { serveApp } from './clients.ts';

export interface KeyedService {
  readonly url: string;
  readonly port: number;
  /** How often the handler has run. */
  readonly runs: () => number;
  readonly keys: Idempotency;
}

/** Closes what `started` has, in a test's end. */
export async function closeAll(started: (() => unknown)[]): Promise<void> {
  for (const close of started.splice(0)) await close();
}

/** Serves an app whose handler counts its runs; how to close it goes to `started`. */
export async function serveKeyed(
  clock: FakeClock,
  started: (() => unknown)[],
  options: Partial<IdempotencyOptions> = {},
  handler: (res: Response, run: number) => unknown = (res, run) => res.status(201).json({ run }),
  ahead: (app: Express) => void = () => undefined,
): Promise<KeyedService> {
  let runs = 0;
  const keys = idempotency({ clock, ...options });
  const served: Served = await serveApp(
    keys,
    (app) => app.all('/{*path}', (_req, res) => handler(res, ++runs)),
    clock,
    ahead,
  );
  started.push(
    () => served.close(),
    () => keys.close?.(),
  );
  return { url: served.url, port: served.port, runs: () => runs, keys };
}
