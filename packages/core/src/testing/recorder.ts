/** Exchanges as a component sees them, kept for a test to look at. */
import type { Exchange } from '../exchange.ts';
import { defineMiddleware, type Middleware } from '../middleware.ts';
import { defineStages } from '../stages.ts';

/** A middleware that keeps every exchange it saw. */
export interface Recorder {
  readonly middleware: Middleware;
  /** Exchanges in the order in which they settled. */
  readonly settled: readonly Exchange[];
  /** Waits until `count` exchanges have settled, and answers them. */
  waitFor(count: number): Promise<readonly Exchange[]>;
}

/** Records exchanges from where its middleware is mounted. */
export function recordExchanges(name: string = 'recorder'): Recorder {
  const settled: Exchange[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const stages = defineStages({
    done(exchange) {
      settled.push(exchange);
      for (const { count, resolve } of waiting) if (settled.length >= count) resolve();
    },
  });
  return {
    settled,
    middleware: defineMiddleware({
      name,
      phase: 'observe',
      priority: 0,
      step: (exchange) => exchange.tap(stages),
    }),
    waitFor: async (count) => {
      if (settled.length < count)
        await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return settled;
    },
  };
}
