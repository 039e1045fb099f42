/**
 * What goes wrong, and when: a script of steps, each for so many requests. Chance comes from a seed
 * alone, so that the same script does the same to the same requests, every time.
 */
import { z } from 'zod';

/** What goes wrong with some requests. */
export interface FaultStep {
  /** For how many requests it holds; the last step holds for all that follow. @default 1 */
  readonly requests: number;
  /** Share of the requests that are answered with `status`. @default 0 */
  readonly errorRatio: number;
  /** @default 503 */
  readonly status: number;
  /** Sent with an error. @default none */
  readonly retryAfterSeconds?: number | undefined;
  /** Share of the requests whose connection is cut in the middle of the answer. @default 0 */
  readonly abortRatio: number;
  /** Share of the requests that never have an answer. @default 0 */
  readonly hangRatio: number;
  /** Share of the requests that take `slowMs` more. @default 0 */
  readonly slowRatio: number;
  /** @default 1000 */
  readonly slowMs: number;
  /** What every answer takes, in ms. @default 0 */
  readonly delayMs: number;
}

/** A script, complete. */
export interface CompleteScript {
  readonly seed: number;
  readonly steps: readonly FaultStep[];
}

/** A script as it is written: everything that is left out does not go wrong. */
export interface FaultScript {
  readonly seed?: number;
  readonly steps?: readonly Partial<FaultStep>[];
}

const ratio = z.number().min(0).max(1).default(0);

const STEP = z.strictObject({
  requests: z.int().min(1).default(1),
  errorRatio: ratio,
  status: z.int().min(400).max(599).default(503),
  retryAfterSeconds: z.int().min(0).optional(),
  abortRatio: ratio,
  hangRatio: ratio,
  slowRatio: ratio,
  slowMs: z.int().min(0).max(60_000).default(1000),
  delayMs: z.int().min(0).max(60_000).default(0),
});

const SCRIPT = z.strictObject({
  seed: z.int().min(0).default(1),
  steps: z
    .array(STEP)
    .min(1)
    .default([STEP.parse({})]),
});

/** What happens to one request. */
export type Fate = {
  /** How long it takes, in ms. */
  readonly delayMs: number;
} & (
  | { readonly kind: 'answer' | 'abort' | 'hang' }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly retryAfterSeconds: number | undefined;
    }
);

/** Reads a script. @throws ZodError for one that is none */
export function readScript(given: unknown): CompleteScript {
  return SCRIPT.parse(given);
}

/** Fates, one request after the other. */
export function fates(script: FaultScript = {}): () => Fate {
  const { seed, steps } = readScript(script);
  const random = mulberry32(seed);
  let at = 0;
  let left = steps[0]!.requests;
  return () => {
    if (left === 0 && at < steps.length - 1) left = steps[++at]!.requests;
    if (left > 0) left--;
    const step = steps[at]!;
    // As many as a fate can take, whatever becomes of it: what a request meets hangs on its number alone.
    const [what, slow] = [random(), random()];
    const delayMs = step.delayMs + (slow < step.slowRatio ? step.slowMs : 0);
    if (what < step.errorRatio) {
      const { status, retryAfterSeconds } = step;
      return { kind: 'error', status, retryAfterSeconds, delayMs };
    }
    if (what < step.errorRatio + step.abortRatio) return { kind: 'abort', delayMs };
    const hangs = what < step.errorRatio + step.abortRatio + step.hangRatio;
    return { kind: hangs ? 'hang' : 'answer', delayMs };
  };
}

/** Tommy Ettinger's Mulberry32: from 0 up to, but never, 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
