/**
 * A fixed trace over the routes of the reference app, as readers ask: few addresses often, many
 * seldom (Zipf with an exponent of 1). Each turn begins with an empty cache.
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import type { Runtime } from './machine.ts';
import type { Asked } from './open-load.ts';
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import { PLACES_SEED } from './servers/places-settings.ts';
import type { Figure } from './table.ts';

export const TRACE_FIGURES: readonly Figure[] = [
  { key: 'hitRatio', title: 'hit ratio', digits: 3, alone: true },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'p99Ms', title: 'p99 ms', digits: 2 },
  { key: 'cpuMicros', title: 'CPU µs/request', digits: 0 },
];

/** Requests of a turn. */
export const TRACE_LENGTH = 20_000;

/** A turn of one contender. */
export async function measureTrace(
  server: string,
  runtime: Runtime,
  connections: number,
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const trace = await makeTrace(running.url, agent);
    const before = await running.usage();
    const latencies: number[] = [];
    let hits = 0;
    let at = 0;
    const client = async (): Promise<void> => {
      while (at < trace.length) {
        const asked = trace[at++]!;
        const begunMs = performance.now();
        const { isHit } = await ask(running.url, asked, agent);
        latencies.push(performance.now() - begunMs);
        if (isHit) hits++;
      }
    };
    await Promise.all(Array.from({ length: connections }, client));
    const after = await running.usage();
    latencies.sort((a, b) => a - b);
    return {
      hitRatio: hits / trace.length,
      p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
      p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
      cpuMicros: (after.cpuMicros - before.cpuMicros) / trace.length,
    };
  } finally {
    agent.destroy();
    await running.stop();
  }
}

/** The same for every contender: the addresses are those of the data, their order comes from a seed. */
export async function makeTrace(url: string, agent: Agent): Promise<readonly Asked[]> {
  const addresses = await addressesOf(url, agent);
  const random = seeded(PLACES_SEED);
  shuffle(addresses, random);
  const choose = zipf(addresses.length, random);
  return Array.from({ length: TRACE_LENGTH }, () => {
    // One in twenty is personal, which no cache may keep.
    if (random() < 0.05) {
      return { path: '/api/trips', headers: { 'x-api-key': 'demo-key-of-ada' } };
    }
    const path = addresses[choose()]!;
    return { path: random() < 0.5 ? path : reordered(path), headers: {} };
  });
}

/** Lists, filters, single places and their neighbours. */
async function addressesOf(url: string, agent: Agent): Promise<string[]> {
  const list = async (path: string): Promise<readonly Record<string, unknown>[]> => {
    const { body } = await ask(url, { path, headers: { 'cache-control': 'no-store' } }, agent);
    return (JSON.parse(body) as { items: Record<string, unknown>[] }).items;
  };
  const countries = (await list('/api/countries')).map(({ code }) => String(code));
  const ids: string[] = [];
  for (const country of countries.slice(0, 40)) {
    const cities = await list(`/api/cities?country=${country}&limit=50&minPopulation=1`);
    ids.push(...cities.map(({ id }) => String(id)));
  }
  return [
    '/api/countries',
    ...countries.map((code) => `/api/countries/${code}`),
    ...countries.flatMap((code) => [
      `/api/cities?country=${code}&limit=20`,
      `/api/cities?country=${code}&sort=name`,
    ]),
    ...ids.flatMap((id) => [`/api/cities/${id}`, `/api/cities/${id}/nearby?radiusKm=50&limit=10`]),
  ];
}

/** The same query in another order, as clients write it. */
function reordered(path: string): string {
  const [before, query] = path.split('?');
  return query === undefined ? path : `${before}?${query.split('&').toReversed().join('&')}`;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly isHit: boolean;
  readonly body: string;
}

async function ask(url: string, asked: Asked, agent: Agent): Promise<Answer> {
  const answer = await tryToAsk(url, asked, agent);
  if (answer.status === 200) return answer;
  throw new Error(`${asked.path} answered ${answer.status}: ${answer.body}`);
}

/** Asks once, whatever comes of it. */
export async function tryToAsk(
  url: string,
  { path, headers = {} }: Asked,
  agent: Agent,
): Promise<Answer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url + path, { agent, headers }, resolve).on('error', reject);
  });
  const body = Buffer.concat(await answer.toArray()).toString();
  const { 'cache-status': status = '', 'apicache-store': store } = answer.headers;
  // Ours tells in the words of RFC 9211, apicache in its own.
  const isHit = /; (?:hit|collapsed)/.test(String(status)) || store !== undefined;
  return { status: answer.statusCode ?? 0, isHit, body };
}

/** Ranks with a probability that falls with the rank. */
function zipf(count: number, random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) sums.push((sum += 1 / rank));
  return () => {
    const wanted = random() * sum;
    let from = 0;
    let to = count - 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (sums[middle]! < wanted) from = middle + 1;
      else to = middle;
    }
    return from;
  };
}

function shuffle(list: string[], random: () => number): void {
  for (let at = list.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [list[at], list[other]] = [list[other]!, list[at]!];
  }
}

/** A generator of its own, because the machine's has no seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
