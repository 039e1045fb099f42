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
import { ask, TOKEN } from './ask.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { launch, listening, type ServiceProcess } from './process.ts';

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
}

/** What ends the parts of a fleet: those that have started, should one of the others not. */
export class Ends {
  private readonly ends: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.ends.push(end);
  }

  /** Ends all of them, by force, the last first; at any time, and as often as one likes. */
  async run(): Promise<void> {
    for (const end of this.ends.splice(0).toReversed()) await end();
  }
}

/** Starts all of it; `ends` learns how each part is ended. `binaries` are those of Postgres. */
export async function startFleet(size: Size, binaries: string, ends: Ends): Promise<Fleet> {
  const postgres = await startPostgres(binaries);
  ends.add(() => postgres.stop());
  const redis = await startRedis();
  ends.add(() => redis.crash());
  const redisUrl = `redis://127.0.0.1:${redis.port}`;
  const upstream = await startUpstream();
  ends.add(() => upstream.stop());
  const balancer = await startBalancer();
  ends.add(() => balancer.stop());
  const sql = new Client({ connectionString: postgres.url });
  sql.on('error', () => undefined);
  await sql.connect();
  ends.add(() => sql.end());

  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redisUrl,
    WEATHER_URL: upstream.url,
    TRUST_PROXY: 'loopback',
    // What must be the same in every process.
    API_KEYS: OWNERS.map((owner) => `${owner}:${keyOf(owner)}`).join(','),
    CURSOR_SECRET: 'the same in every process',
    ANALYTICS_SECRET: 'the-same-in-every-process',
    MONITORING_TOKEN: TOKEN,
    ENABLE_DISTRIBUTED_RATE_LIMIT: 'true',
    RATE_LIMIT_MAX: String(LIMIT),
    RATE_LIMIT_WINDOW: '3600',
    THREAT_THRESHOLD: String(THREATS),
    CIRCUIT_OPEN_TIME: '1',
    // What is refused under load has tests of its own, however busy this machine is.
    ENABLE_QUEUE: 'false',
    REQUEST_TIMEOUT: '240',
    MIN_POPULATION: '500000',
    LOG_LEVEL: 'warn',
  };
  const processes: ServiceProcess[] = [];
  const start = async (): Promise<ServiceProcess> => {
    const child = launch(env);
    ends.add(() => child.kill('SIGKILL'));
    const process = await listening(child);
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
