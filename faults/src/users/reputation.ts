/** What two processes know of addresses: without the store, each goes by what it has seen. */
import { exchangeOf } from '@org/core';
import { type Reputation, reputation } from '@org/security';

import { ask, connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Subject, Surroundings, User } from '../user.ts';

const THRESHOLD = 5;
/** How often an address fails to log in, until another one takes its place. */
const ASKED = 30;

export const reputationUser: User = {
  name: 'reputation',
  policy: 'each process goes by what it knows',
  limitMs: undefined,
  async start({ address }: Surroundings): Promise<Subject> {
    const sites = [await site(address), await site(address)] as const;
    let asked = 0;
    let told = 0;

    async function logIn(at: Service, client: string): Promise<number> {
      const { status } = await ask(`${at.url}/login`, {
        method: 'POST',
        headers: { 'x-forwarded-for': client },
      });
      return status;
    }

    return {
      stores: sites.map(({ store }) => store),
      allowed: new Set([401, 403]),
      ask() {
        const at = asked++;
        return logIn(sites[at % 2]!, addressOf(10, Math.floor(at / ASKED)));
      },
      /** Whom one blocks the other refuses. */
      async isShared() {
        const client = addressOf(11, ++told);
        for (let at = 0; at < THRESHOLD; at++) await logIn(sites[0], client);
        return until(() => sites[1].guard.list().some(({ key }) => key === client), 500);
      },
      async during(_situation, findings) {
        for (const at of sites) {
          const client = addressOf(12, sites.indexOf(at));
          const statuses: number[] = [];
          for (let round = 0; round < THRESHOLD * 2; round++)
            statuses.push(await logIn(at, client));
          const letIn = statuses.filter((status) => status === 401).length;
          findings.claim(letIn === THRESHOLD, `blocks after ${THRESHOLD} failures, not ${letIn}`);
        }
      },
      async after() {
        // What it promises is seen while the fault lasts, and by whether it shares again.
      },
      async close() {
        for (const { close } of sites) await close();
      },
    };
  },
};

interface Site extends Service {
  readonly store: Subject['stores'][number];
  readonly guard: Reputation;
}

async function site(address: Surroundings['address']): Promise<Site> {
  const store = await connectedStore(address);
  const guard = reputation({ store, threshold: THRESHOLD });
  await guard.start?.();
  const service = await serve(
    (app) => {
      app.set('trust proxy', true);
      app.use(guard);
      app.post('/login', (req, res) => {
        guard.note(exchangeOf(req, res), 1, 'wrong password');
        res.status(401).end();
      });
    },
    [guard, store],
  );
  return { ...service, store, guard };
}

function addressOf(network: number, host: number): string {
  return `${network}.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`;
}
