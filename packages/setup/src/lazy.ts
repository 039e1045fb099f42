/**
 * Components that are imported when they are needed: at the first request that
 * reaches them, after the server listens, or, when they are disabled, never. First
 * uses share one load. A load that failed is reported and tried again later; until
 * then what only serves is passed over, and what protects refuses.
 */
import { inspect } from 'node:util';
import {
  type Clock,
  defineMiddleware,
  type Exchange,
  HANDLED,
  type Host,
  isMiddleware,
  type Middleware,
  type Placement,
  ProblemError,
  report,
  type StepResult,
  systemClock,
} from '@org/core';

import { SetupError } from './setup-error.ts';

/** Where a lazy middleware will stand; it must know before it is loaded. */
export type LazyPlacement = Placement & { readonly name: string };

/** Imports a component, or the several that its factory returns. */
export type Load = () => Promise<Middleware | readonly Middleware[]>;

/** When and how a lazy component is loaded. */
export interface LazyOptions {
  /** `first-use`: by the first request; `listening`: once the server listens. @default "first-use" */
  readonly when?: 'first-use' | 'listening';
  /** Wait after a failed load, doubled each time up to a minute, in ms. @default 1000 */
  readonly retryMs?: number;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

/** A middleware that is not loaded yet. */
export interface LazyMiddleware extends Middleware {
  /** Loads it if it is not loaded; rejects if that fails. */
  load(): Promise<Middleware>;
  /** The middleware behind it, once loaded. */
  loaded(): Middleware | undefined;
  /** Calls `listener` once it is loaded. */
  onLoaded(listener: () => void): void;
  /** When it wants to be loaded. */
  readonly when: 'first-use' | 'listening';
}

const MAX_RETRY_MS = 60_000;

/** One lazy middleware, or several that one load brings. */
export function lazy(placement: LazyPlacement, load: Load, options?: LazyOptions): LazyMiddleware;
export function lazy(
  placements: readonly LazyPlacement[],
  load: Load,
  options?: LazyOptions,
): readonly LazyMiddleware[];
export function lazy(
  placements: LazyPlacement | readonly LazyPlacement[],
  load: Load,
  options: LazyOptions = {},
): LazyMiddleware | readonly LazyMiddleware[] {
  const all = [placements].flat() as readonly LazyPlacement[];
  const loader = makeLoader(all.map(({ name }) => name).join(', '), load, options);
  const made = all.map((placement) => makeLazy(placement, loader, options.when ?? 'first-use'));
  return Array.isArray(placements) ? made : made[0]!;
}

/** Whether a component is one that `lazy` made. */
export function isLazy(value: object): value is LazyMiddleware {
  return typeof (value as Partial<LazyMiddleware>).loaded === 'function';
}

interface Loader {
  load(): Promise<readonly Middleware[]>;
  /** A failure that is too young to try again. */
  recentFailure(): unknown;
  loaded(): readonly Middleware[] | undefined;
  onLoaded(listener: () => void): void;
  attach(host: Host): void;
  close(signal?: AbortSignal): Promise<void>;
  readonly failuresTotal: number;
}

function makeLoader(
  names: string,
  load: Load,
  { retryMs = 1000, clock = systemClock }: LazyOptions,
): Loader {
  let underWay: Promise<readonly Middleware[]> | undefined;
  let made: readonly Middleware[] | undefined;
  let host: Host | undefined;
  let failure: unknown;
  let retryAtMs = 0;
  let failures = 0;
  let closed = false;
  const listeners: (() => void)[] = [];

  async function loadNow(): Promise<readonly Middleware[]> {
    try {
      const components = [await load()].flat() as readonly Middleware[];
      for (const component of components) {
        if (host !== undefined) component.attach?.(host);
        await component.start?.();
      }
      if (closed) {
        for (const component of components) await component.close?.();
        throw new SetupError(`"${names}" was loaded while the stack closed.`);
      }
      made = components;
      for (const listener of listeners) listener();
      return components;
    } catch (error) {
      failure = error;
      retryAtMs = clock.monotonicMs() + Math.min(MAX_RETRY_MS, retryMs * 2 ** failures++);
      report(error, `loading of ${names}`);
      throw error;
    } finally {
      underWay = undefined;
    }
  }

  return {
    load: () => (made === undefined ? (underWay ??= loadNow()) : Promise.resolve(made)),
    recentFailure: () => (failures > 0 && clock.monotonicMs() < retryAtMs ? failure : undefined),
    loaded: () => made,
    onLoaded: (listener) => void listeners.push(listener),
    attach: (given) => void (host = given),
    async close(signal) {
      closed = true;
      for (const component of made?.toReversed() ?? []) await component.close?.(signal);
    },
    get failuresTotal() {
      return failures;
    },
  };
}

function makeLazy(
  placement: LazyPlacement,
  loader: Loader,
  when: LazyMiddleware['when'],
): LazyMiddleware {
  const { name, protects = false } = placement;
  const own = (): Middleware | undefined => loader.loaded()?.find((one) => one.name === name);
  const load = async (): Promise<Middleware> => {
    await loader.load();
    const middleware = own();
    if (isMiddleware(middleware)) return middleware;
    throw new SetupError(`the load of "${name}" brought no middleware of that name.`);
  };

  function refuseOrPass(cause: unknown): void {
    if (!protects) return;
    throw new ProblemError({
      code: 'ERR_COMPONENT_UNAVAILABLE',
      status: 503,
      detail: 'A protection of this service is not available.',
      headers: { 'Retry-After': '1' },
      cause,
    });
  }

  const middleware = defineMiddleware({
    ...placement,
    step(exchange): StepResult {
      const ready = own();
      if (ready !== undefined) return runLoaded(ready, exchange);
      const failure = loader.recentFailure();
      if (failure !== undefined) return refuseOrPass(failure);
      return load().then(
        (loaded) => runLoaded(loaded, exchange),
        (error: unknown) => refuseOrPass(error),
      );
    },
    attach: (host) => loader.attach(host),
    health: async (signal) => {
      const failure = loader.recentFailure();
      if (failure !== undefined)
        return {
          status: protects ? 'fail' : 'warn',
          detail: `cannot be loaded: ${inspect(failure)}`,
        };
      return (await own()?.health?.(signal)) ?? { status: 'pass' };
    },
    stats: () => ({
      loaded: own() !== undefined,
      loadFailuresTotal: loader.failuresTotal,
      ...own()?.stats?.(),
    }),
    close: (signal) => loader.close(signal),
  });
  return Object.assign(middleware, {
    load,
    loaded: own,
    onLoaded: (listener: () => void) => loader.onLoaded(listener),
    when,
  });
}

/** Runs what was loaded in place of the step that loaded it. */
function runLoaded(middleware: Middleware, exchange: Exchange): StepResult {
  if (middleware.step !== undefined) return middleware.step(exchange);
  const { req, res } = exchange;
  return new Promise((resolve, reject) => {
    // Where the handler answers and never calls next, the end of the exchange tells.
    res.once('close', () => {
      resolve(HANDLED);
    });
    middleware(req, res, (error?: unknown) => {
      if (error)
        reject(error instanceof Error ? error : new Error(inspect(error), { cause: error }));
      else resolve();
    });
  });
}
