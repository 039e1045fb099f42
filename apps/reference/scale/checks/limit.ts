/** A limit holds over all processes: what one client is allowed in all is what it may have. */
import { Agent } from 'node:http';

import { ask, told, TOKEN } from '../ask.ts';
import { type Check, inParallel, tally } from '../check.ts';
import { type Fleet, LIMIT } from '../fleet.ts';

const AT_ONCE = 30;
const CLIENT = '192.0.2.1';

export const limit: Check = async (fleet) => {
  const { balancer, size } = fleet;
  const before = await withoutRedis(fleet);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const url = `${balancer.url}/api/countries/FR`;
  const once = async (): Promise<number> => (await ask(url, { from: CLIENT, agent })).status;
  const requests = Math.max(size.requests, LIMIT * 3);
  const statuses = await inParallel(requests, AT_ONCE, once);
  // Two who ask for the last unit at once may both be refused, and what they took is given back.
  for (let status = 200; status === 200;) {
    status = await once();
    statuses.push(status);
  }
  agent.destroy();

  const alone = (await withoutRedis(fleet)) - before;
  const allowed = statuses.filter((status) => status === 200).length;
  const refused = statuses.filter((status) => status === 429).length;
  return [
    {
      check: 'a limit holds over all',
      done: `${statuses.length} requests of one address, ${AT_ONCE} at a time`,
      expected: `${LIMIT} allowed, and those decided without Redis; all others 429`,
      seen: `${tally(statuses)}; ${alone} without Redis`,
      holds: allowed >= LIMIT && allowed <= LIMIT + alone && allowed + refused === statuses.length,
    },
  ];
};

/** Decisions of all processes for which Redis has not answered in time: on a busy machine there are some. */
async function withoutRedis({ processes }: Fleet): Promise<number> {
  const counts = await Promise.all(
    processes.map(async ({ url }) => {
      const { components } = await told<Statistics>(
        ask(`${url}/api/middleware/stats`, { token: TOKEN }),
        200,
      );
      return components['rate-limit'].degradedTotal;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** As statistics tell it. */
interface Statistics {
  readonly components: { readonly 'rate-limit': { readonly degradedTotal: number } };
}
