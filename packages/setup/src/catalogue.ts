/**
 * The standard catalogue: every component of the family that `setup` can assemble
 * from a configuration. Packages are optional peers and are imported only if they
 * are enabled; those that a request needs at once before the server listens, the
 * others after. One that is enabled and not installed stops the start.
 */
import { createRequire } from 'node:module';
import type { Component, Middleware, Store } from '@org/core';

import { type SharedStore, withStore } from './shared-store.ts';
import { lazy, type LazyPlacement } from './lazy.ts';
import { SetupError } from './setup-error.ts';
import type { Parts } from './registry.ts';

/** What the catalogue asks of a configuration; `@org/config` answers it. */
export interface StandardSettings {
  isEnabled(name: string): boolean;
  /** Options for the component's factory. Those of `redis` make the shared store, where they have a `url`. */
  options(name: string): object;
  /** A store of yours that processes share, in the place of one in Redis; it stays yours to start and to close. @default none */
  readonly store?: Store | undefined;
  /** Whether what can wait is loaded after the server listens. @default true */
  readonly lazy?: boolean;
}

/** A factory answers a component, or all the middlewares of one that needs several places in the order. */
type Factory = (options: object) => Component | readonly Component[];

interface CatalogueEntry {
  readonly import: () => Promise<Factory>;
  /** Where it will stand, for an entry that can be loaded after the server listens. */
  readonly later?: LazyPlacement;
}

const CATALOGUE: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  'early-return': {
    import: async () => (await import('@org/early-return')).earlyReturn,
  },
  timeout: {
    import: async () => (await import('@org/timeout')).timeout,
  },
  correlation: {
    import: async () => (await import('@org/correlation')).correlation,
  },
  retry: {
    import: async () => (await import('@org/retry')).retry,
  },
  logging: {
    import: async () => (await import('@org/logging')).logging,
  },
  metrics: {
    import: async () => (await import('@org/metrics')).metrics,
  },
  analytics: {
    import: async () => (await import('@org/analytics')).analytics,
  },
  profiler: {
    import: async () => (await import('@org/profiler')).profiler,
  },
  health: {
    import: async () => (await import('@org/health')).health,
  },
  dashboard: {
    import: async () => (await import('@org/dashboard')).dashboard,
  },
  devtools: {
    import: async () => (await import('@org/devtools')).devtools,
  },
  shutdown: {
    import: async () => (await import('@org/shutdown')).shutdown,
  },
  'rate-limit': {
    import: async () => (await import('@org/rate-limit')).rateLimit,
  },
  security: {
    import: async () => (await import('@org/security')).security,
  },
  versioning: {
    // Its versions come with the options, or it says that they are needed.
    import: async () => (await import('@org/versioning')).versioning as Factory,
  },
  transform: {
    import: async () => (await import('@org/transform')).transform,
  },
  compression: {
    import: async () => (await import('@org/compression')).compression,
  },
  cache: {
    import: async () => (await import('@org/cache')).cache,
  },
  dedup: {
    import: async () => (await import('@org/dedup')).dedup,
  },
  queue: {
    import: async () => (await import('@org/queue')).queue,
  },
  circuit: {
    import: async () => {
      const { circuit } = await import('@org/circuit');
      return (options) => {
        const made = circuit(options);
        // Without routes it guards calls alone.
        return (options as { routes?: object }).routes === undefined ? made : [made, made.inbound];
      };
    },
  },
  di: {
    import: async () => (await import('@org/di')).di,
  },
  db: {
    import: async () => (await import('@org/db')).db,
  },
  query: {
    import: async () => (await import('@org/query')).query,
  },
  batch: {
    import: async () => (await import('@org/batch')).batch,
  },
  tasks: {
    import: async () => (await import('@org/tasks')).tasks,
  },
  websocket: {
    import: async () => (await import('@org/websocket')).websocket,
  },
  openapi: {
    import: async () => (await import('@org/openapi')).openapi,
  },
  errors: {
    import: async () => (await import('@org/errors')).errors,
    // Until it is there, errors are answered with plain problem documents.
    later: { name: 'errors', phase: 'recover' },
  },
});

/** Names of the components in the catalogue. */
export const CATALOGUE_NAMES: readonly string[] = Object.freeze(Object.keys(CATALOGUE));

/**
 * The components that `settings` enables, for `setup`.
 * @throws SetupError for a package that is enabled and not installed, with the command that installs it
 */
export async function standard(settings: StandardSettings): Promise<Parts> {
  const redis = settings.store === undefined ? redisOf(settings) : undefined;
  let { store } = settings;
  const optionsOf = (name: string): object => withStore(name, settings.options(name), store);
  const enabled = Object.entries(CATALOGUE).filter(([name]) => settings.isEnabled(name));
  const waits = ({ later }: CatalogueEntry): boolean =>
    later !== undefined && settings.lazy !== false;
  // All files are asked for at once: one after the other, each would wait for the one before.
  const loading = Promise.all(
    enabled.map(async ([name, entry]): Promise<() => Component | readonly Component[]> => {
      const load = (): Promise<Factory> => installed(name, entry.import);
      if (!waits(entry)) {
        const factory = await load();
        return () => factory(optionsOf(name));
      }
      await installed(name, () => Promise.resolve(resolvePackage(name)));
      const make = async (): Promise<Middleware> => (await load())(optionsOf(name)) as Middleware;
      return () => lazy(entry.later!, make, { when: 'listening' });
    }),
  );
  const [makers, own] = await Promise.all([loading, redis]);
  store ??= own;
  const parts = makers.map((make) => make());
  // First of all: what starts first closes last, and nobody outlives the store.
  return own === undefined ? parts : [own, ...parts];
}

/** The store in Redis, if the configuration has one. */
async function redisOf(settings: StandardSettings): Promise<SharedStore | undefined> {
  const options = settings.options('redis');
  if ((options as { readonly url?: string }).url === undefined) return undefined;
  const { redisStore } = await installed('redis', async () => import('@org/redis'), 'REDIS_URL=');
  return redisStore(options);
}

async function installed<T>(
  name: string,
  find: () => Promise<T>,
  without: string = `ENABLE_${name.toUpperCase().replaceAll('-', '_')}=false`,
): Promise<T> {
  try {
    return await find();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
    if (!missing || !message.includes(`@org/${name}`)) throw error;
    throw new SetupError(
      `"${name}" is enabled, but its package is not installed. Run: npm install @org/${name} (or set ${without}).`,
      { cause: error },
    );
  }
}

/** Looks a package up without loading it. @throws MODULE_NOT_FOUND */
function resolvePackage(name: string): string {
  return createRequire(import.meta.url).resolve(`@org/${name}`);
}
