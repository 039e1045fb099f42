/**
 * Several processes of the service behind a balancer, on one Redis, one Postgres and one weather
 * service, all of them this run's own.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import { startPostgres } from 'test-servers/postgres';
import { startRedis } from 'test-servers/redis';

import type { FaultStep } from '../upstream/faults.ts';
import { weatherServer } from '../upstream/server.ts';
import { ask } from './ask.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { type ServiceProcess, startProcess } from './process.ts';

/** Requests that one address may make in an hour. */
export const LIMIT = 200;
/** Requests of one address that look like attacks until it is blocked. */
export const THREATS = 5;
/** Who keeps trips. */
export const OWNERS: readonly string[] = Array.from({ length: 12 }, (_, at) => `owner${at}`);

export const keyOf = (owner: string): string => `key-of-${owner}`;

/** How much is done. */
export interface Size {
  readonly processes: number;
  /** Requests of those checks that count requests. */
  readonly requests: number;
}

/** What checks work with. */
export interface Fleet {
  readonly size: Size;
  readonly balancer: Balancer;
  /** Those that run, in the order in which they were started. */
  readonly processes: readonly ServiceProcess[];
  readonly sql: Client;
  readonly redisUrl: string;
  /** What goes wrong with the weather from now on; nothing: all is well. */
  weather(step?: Partial<FaultStep>): Promise<void>;
  /** One process more; resolves when the balancer hands it requests. */
  start(): Promise<ServiceProcess>;
  /** Ends one; its exit code. */
  end(process: ServiceProcess, signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends everything, by force; safe to be called at any time, and twice. */
  stop(): Promise<void>;
}

/** Starts all of it. `binaries` are those of Postgres. */
export async function startFleet(size: Size, binaries: string): Promise<Fleet> {
  const ends: (() => Promise<unknown> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  try {
    return await assemble(size, binaries, ends, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  size: Size,
  binaries: string,
  ends: (() => Promise<unknown> | void)[],
  stop: () => Promise<void>,
): Promise<Fleet> {
  const postgres = await startPostgres(binaries);
  ends.push(() => postgres.stop());
  const redis = await startRedis();
  ends.push(() => redis.crash());
  const redisUrl = `redis://127.0.0.1:${redis.port}`;
  const upstream = await startUpstream();
  ends.push(() => upstream.stop());
  const balancer = await startBalancer();
  ends.push(() => balancer.stop());
  const sql = new Client({ connectionString: postgres.url });
  sql.on('error', () => undefined);
  await sql.connect();
  ends.push(() => sql.end());

  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redisUrl,
    WEATHER_URL: upstream.url,
    TRUST_PROXY: 'loopback',
    // What must be the same in every process.
    API_KEYS: OWNERS.map((owner) => `${owner}:${keyOf(owner)}`).join(','),
    CURSOR_SECRET: 'the same in every process',
    ANALYTICS_SECRET: 'the-same-in-every-process',
    ENABLE_DISTRIBUTED_RATE_LIMIT: 'true',
    RATE_LIMIT_MAX: String(LIMIT),
    RATE_LIMIT_WINDOW: '3600',
    THREAT_THRESHOLD: String(THREATS),
    CIRCUIT_OPEN_TIME: '1',
    MIN_POPULATION: '500000',
    LOG_LEVEL: 'warn',
  };
  const processes: ServiceProcess[] = [];
  const start = async (): Promise<ServiceProcess> => {
    const process = await startProcess(env);
    ends.push(() => process.stop('SIGKILL'));
    processes.push(process);
    balancer.add(process.url);
    await balancer.ready(process.url);
    return process;
  };
  // The first one migrates and loads.
  await start();
  await Promise.all(Array.from({ length: size.processes - 1 }, start));

  return {
    size,
    balancer,
    processes,
    sql,
    redisUrl,
    weather: upstream.follow,
    start,
    async end(process, signal) {
      processes.splice(processes.indexOf(process), 1);
      const code = await process.stop(signal);
      balancer.remove(process.url);
      return code;
    },
    stop,
  };
}

/** The weather service, in this process. */
async function startUpstream() {
  const server = weatherServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async follow(step: Partial<FaultStep> = {}): Promise<void> {
      await ask(`${url}/faults`, { method: 'PUT', body: { steps: [step] } });
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
