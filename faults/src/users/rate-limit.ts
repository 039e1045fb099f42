/** A limit that two processes count together: without the store, each counts alone. */
import { rateLimit } from '@org/rate-limit';

import { ask, connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Findings, Subject, Surroundings, User } from '../user.ts';

const LIMIT = 20;
/** How often a client asks, through both processes in turn. */
const ASKED = LIMIT * 3;

export const rateLimitUser: User = {
  name: 'rate limit',
  policy: 'counts locally: at most the limit through each process',
  limitMs: 50,
  async start({ address }: Surroundings): Promise<Subject> {
    const sites = [await site(address), await site(address)] as const;
    const admitted = new Map<string, number>();
    let asked = 0;

    async function askAs(client: string, at: Site): Promise<number> {
      const { status } = await ask(at.url, { headers: { 'x-client': client } });
      if (status === 200) admitted.set(client, (admitted.get(client) ?? 0) + 1);
      return status;
    }

    /** A client nobody knows yet asks through both, one request after the other. */
    async function admittedOf(client: string): Promise<number> {
      for (let at = 0; at < ASKED; at++) await askAs(client, sites[at % 2]!);
      return admitted.get(client) ?? 0;
    }

    return {
      stores: sites.map(({ store }) => store),
      allowed: new Set([200, 429]),
      ask() {
        const at = asked++;
        return askAs(`load-${Math.floor(at / ASKED)}`, sites[at % 2]!);
      },
      /** Decided by what the store counts. */
      async isShared() {
        const decidedAlone = (): readonly unknown[] =>
          sites.map(({ limiter }) => limiter.stats?.()['degradedTotal']);
        const before = decidedAlone();
        for (const at of sites) await askAs('probe', at);
        return decidedAlone().every((count, at) => count === before[at]);
      },
      async during({ isAway }, findings) {
        const count = await admittedOf('during');
        findings.note(`admits ${count} of a limit of ${LIMIT} through two processes`);
        bounded(findings, isAway ? 2 * LIMIT : LIMIT, count);
      },
      async after(_situation, findings) {
        const most = Math.max(...admitted.values());
        findings.claim(most <= 2 * LIMIT, `${most} of a limit of ${LIMIT} through two processes`);
        // A busy machine may be late three times in a row, and then it counts alone for a second.
        let exact = 0;
        let attempts = 0;
        await until(async () => {
          exact = await admittedOf(`after-${++attempts}`);
          return exact === LIMIT;
        });
        findings.claim(exact === LIMIT, `afterwards ${exact} instead of ${LIMIT}`);
      },
      async close() {
        for (const { close } of sites) await close();
      },
    };
  },
};

interface Site extends Service {
  readonly store: Subject['stores'][number];
  readonly limiter: ReturnType<typeof rateLimit>;
}

async function site(address: Surroundings['address']): Promise<Site> {
  const store = await connectedStore(address);
  const limiter = rateLimit({
    store,
    storeTimeoutMs: address.timeoutMs,
    // One window for the whole of it, so that everything in it counts.
    policies: {
      default: {
        limit: LIMIT,
        windowMs: 86_400_000,
        algorithm: 'fixed',
        by: ({ req }) => req.get('x-client'),
      },
    },
  });
  const service = await serve(
    (app) => {
      app.use(limiter);
      app.get('/', (_req, res) => void res.send('in'));
    },
    [limiter, store],
  );
  return { ...service, store, limiter };
}

function bounded(findings: Findings, least: number, count: number): void {
  const isBounded = count >= least && count <= 2 * LIMIT;
  findings.claim(isBounded, `admits ${count}, which is not from ${least} to ${2 * LIMIT}`);
}
