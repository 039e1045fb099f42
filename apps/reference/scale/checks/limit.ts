/** A limit holds over all processes: what one client is allowed in all is what it may have. */
import { Agent } from 'node:http';

import { ask } from '../ask.ts';
import { type Check, inParallel, tally } from '../check.ts';
import { LIMIT } from '../fleet.ts';

const AT_ONCE = 30;
const CLIENT = '192.0.2.1';

export const limit: Check = async ({ balancer, size }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const url = `${balancer.url}/api/countries/FR`;
  const once = async (): Promise<number> => (await ask(url, { from: CLIENT, agent })).status;
  const requests = Math.max(size.requests, LIMIT * 3);
  const statuses = await inParallel(requests, AT_ONCE, once);
  // Two who ask for the last unit at once may both be refused, and what they took is given back.
  let status = await once();
  for (; status === 200; status = await once()) statuses.push(status);
  statuses.push(status);
  agent.destroy();

  const allowed = statuses.filter((one) => one === 200).length;
  const refused = statuses.filter((one) => one === 429).length;
  return [
    {
      check: 'a limit holds over all',
      done: `${statuses.length} requests of one address, ${AT_ONCE} at a time`,
      expected: `${LIMIT} allowed, all others 429`,
      seen: tally(statuses),
      holds: allowed === LIMIT && allowed + refused === statuses.length,
    },
  ];
};
