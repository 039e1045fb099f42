/**
 * How many SQL statements a list takes whose every row needs another: pages of cities with their
 * countries, each page asked for once. Without batching that is one for the page and one for each
 * of its rows: 1 + N.
 */
import { Agent, get, type IncomingMessage } from 'node:http';
import type { Runtime } from './machine.ts';
import type { Sample } from './round.ts';
import { ServerProcess } from './server-process.ts';
import type { Figure } from './table.ts';

export const STATEMENTS_FIGURES: readonly Figure[] = [
  { key: 'statements', title: 'statements/page', digits: 2 },
  { key: 'fewerPercent', title: '% fewer than 1 + N', digits: 1, alone: true },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'cpuMicros', title: 'CPU µs/page', digits: 0 },
];

/** The pages: four orders, pages of four sizes, by a smallest population. */
const PAGES: readonly string[] = ['-population', 'population', 'name', '-name'].flatMap((sort) =>
  [5, 20, 50, 100].flatMap((limit) =>
    Array.from(
      { length: 25 },
      (_, at) =>
        `/api/cities?include=country&sort=${sort}&limit=${limit}&minPopulation=${15_000 + at * 1000}`,
    ),
  ),
);

/** How many pages a turn asks for. */
export const PAGE_COUNT: number = PAGES.length;

/** A turn of one contender. */
export async function measureStatements(
  server: string,
  runtime: Runtime,
  connections: number,
): Promise<Sample> {
  const running = await ServerProcess.start(server, runtime);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const statementsBefore = await statementsOf(running.url, agent);
    const before = await running.usage();
    const latencies: number[] = [];
    let rows = 0;
    let at = 0;
    const client = async (): Promise<void> => {
      while (at < PAGES.length) {
        const path = PAGES[at++]!;
        const begunMs = performance.now();
        const { items } = (await ask(running.url + path, agent)) as { readonly items: unknown[] };
        latencies.push(performance.now() - begunMs);
        rows += items.length;
      }
    };
    await Promise.all(Array.from({ length: connections }, client));
    const after = await running.usage();
    const statements = (await statementsOf(running.url, agent)) - statementsBefore;
    latencies.sort((a, b) => a - b);
    return {
      statements: statements / PAGES.length,
      // Now and then the service asks its database how it is, too.
      fewerPercent: Math.max(0, 100 * (1 - statements / (PAGES.length + rows))),
      p50Ms: latencies[latencies.length >> 1]!,
      cpuMicros: (after.cpuMicros - before.cpuMicros) / PAGES.length,
    };
  } finally {
    agent.destroy();
    await running.stop();
  }
}

/** What the service has counted: every statement that its database has run. */
async function statementsOf(url: string, agent: Agent): Promise<number> {
  const { components } = (await ask(`${url}/api/middleware/stats`, agent)) as {
    readonly components: { readonly db: { readonly queriesTotal: number } };
  };
  return components.db.queriesTotal;
}

async function ask(url: string, agent: Agent): Promise<unknown> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent }, resolve).on('error', reject);
  });
  const body = Buffer.concat(await answer.toArray()).toString();
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${body}`);
  return JSON.parse(body) as unknown;
}
