/** What each process has counted adds up: to the requests that were sent, over restarts too. */
import { Agent } from 'node:http';

import { ask, told, TOKEN } from '../ask.ts';
import { type Check, inParallel, until } from '../check.ts';

/** Nothing else in the run asks for it. */
const ROUTE = '/api/countries';
const LOOK_EVERY_MS = 100;

interface Endpoints {
  readonly items: readonly {
    readonly method: string;
    readonly route: string;
    readonly requests: number;
  }[];
}

/** Asks for what is counted later. */
export const toBeCounted: Check = async ({ balancer, size }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  await inParallel(size.requests, 20, () => told(ask(balancer.url + ROUTE, { agent }), 200));
  agent.destroy();
  return [];
};

export const analytics: Check = async ({ processes, size }) => {
  const counts = (): Promise<readonly number[]> =>
    Promise.all(processes.map(({ url }) => countedBy(url)));
  await until(async () => (await counts()).every((count) => count >= size.requests), LOOK_EVERY_MS);
  const seen = await counts();
  return [
    {
      check: 'analytics add up',
      done: `${size.requests} requests by turns, all processes replaced, each one asked`,
      expected: `${size.requests} wherever it is asked`,
      seen: seen.join(', '),
      holds: seen.every((count) => count === size.requests),
    },
  ];
};

async function countedBy(url: string): Promise<number> {
  const { items } = await told<Endpoints>(
    ask(`${url}/api/analytics/endpoints`, { token: TOKEN }),
    200,
  );
  return items.find(({ method, route }) => method === 'GET' && route === ROUTE)?.requests ?? 0;
}
