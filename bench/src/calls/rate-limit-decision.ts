/**
 * One decision for one of a thousand addresses, and what the answer's head tells of it:
 * express-rate-limit's whole handler and ours, each with a request and a response that do nothing
 * else; rate-limiter-flexible's `consume`, which knows of no headers.
 */
import type { Exchange, ResponseHead, Stages } from '@org/core';
import { rateLimit } from '@org/rate-limit';
import type { Request, Response } from 'express';
import { rateLimit as expressRateLimit } from 'express-rate-limit';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Contestant, Contestants } from '../calls.ts';

const LIMIT = 1_000_000_000;
const WINDOW_MS = 60_000;
const ADDRESSES = Array.from({ length: 1000 }, (_, at) => `203.0.${at >> 8}.${at & 255}`);

/** Keeps headers, as a response does. */
class Headers {
  private readonly values: Map<string, unknown> = new Map();

  get(name: string): unknown {
    return this.values.get(name);
  }

  set(name: string, value: unknown): void {
    this.values.set(name, value);
  }
}

function ours(): Contestant {
  const { step } = rateLimit({ limit: LIMIT, windowMs: WINDOW_MS });
  return {
    calls: ADDRESSES.length,
    run() {
      for (const ip of ADDRESSES) {
        let tapped: Stages | undefined;
        const states = new Map<object, unknown>();
        const exchange = {
          req: { ip },
          cost: 1,
          internal: false,
          getState: (key: object) => states.get(key),
          setState: (key: object, state: unknown) => void states.set(key, state),
          tap: (stages: Stages) => (tapped = stages),
        } as unknown as Exchange;
        void step!(exchange);
        tapped!.head!(new Headers() as unknown as ResponseHead, exchange);
      }
    },
  };
}

function express(): Contestant {
  const handler = expressRateLimit({
    windowMs: WINDOW_MS,
    limit: LIMIT,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Its checks of the first requests are not what is compared.
    validate: false,
  });
  return {
    calls: ADDRESSES.length,
    async run() {
      for (const ip of ADDRESSES) {
        const headers = new Headers();
        const res = {
          headersSent: false,
          setHeader: (name: string, value: unknown) => headers.set(name, value),
          append: (name: string, value: unknown) => headers.set(name, value),
        } as unknown as Response;
        await handler({ ip } as unknown as Request, res, () => undefined);
      }
    },
  };
}

function flexible(): Contestant {
  const limiter = new RateLimiterMemory({ points: LIMIT, duration: WINDOW_MS / 1000 });
  return {
    calls: ADDRESSES.length,
    async run() {
      for (const ip of ADDRESSES) await limiter.consume(ip);
    },
  };
}

export const contestants: Contestants = {
  'express-rate-limit': express(),
  'rate-limiter-flexible': flexible(),
  ours: ours(),
};
