/** Where bookings leave their effects, and keep their keys: what is killed beside the service. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresTable } from '@org/dedup/postgres';
import { Client } from 'pg';
import { startPostgres } from 'test-servers/postgres';
import { startRedis } from 'test-servers/redis';

import { type OwnRedis, startDurableRedis } from './faults.ts';

/** What Redis writes down: all that it acknowledges, what is a second old, or nothing. */
export type Persistence = 'always' | 'everysec' | 'none';

export interface Books {
  /** What the service is told. */
  readonly env: Readonly<Record<string, string>>;
  crash(): Promise<void>;
  restart(): Promise<void>;
  /** How often each key took effect. */
  effects(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

/**
 * Keys in Redis, effects in a file.
 * @param timeoutMs what a call to Redis may take; the packages' own limits where absent
 */
export async function redisBooks(persistence: Persistence, timeoutMs?: number): Promise<Books> {
  const server = await (persistence === 'none' ? startForgetful() : startDurableRedis(persistence));
  const folder = mkdtempSync(join(tmpdir(), 'faults-effects-'));
  const file = join(folder, 'effects');
  writeFileSync(file, '');
  return {
    env: {
      STORE: JSON.stringify({ url: `redis://127.0.0.1:${server.port}`, timeoutMs }),
      EFFECTS: file,
    },
    crash: () => server.crash(),
    restart: () => server.restart(),
    async effects() {
      return countOf(readFileSync(file, 'utf8').split('\n').slice(0, -1));
    },
    async close() {
      await server.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startForgetful(): Promise<OwnRedis> {
  const server = await startRedis();
  return Object.assign(server, { remove: () => server.crash() });
}

/** Both in Postgres, in one transaction. */
export async function postgresBooks(binaries: string): Promise<Books> {
  const server = await startPostgres(binaries);
  const { url } = server;
  await query(url, 'CREATE TABLE effects (key text NOT NULL)');
  await query(url, postgresTable());
  return {
    env: { DATABASE_URL: url },
    crash: () => server.crash(),
    restart: () => server.restart(),
    effects: async () =>
      countOf((await query(url, 'SELECT key FROM effects')).map(({ key }) => key!)),
    close: () => server.stop(),
  };
}

async function query(url: string, sql: string): Promise<readonly Record<string, string>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function countOf(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
