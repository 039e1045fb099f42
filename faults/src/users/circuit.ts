/** Circuits that two processes tell each other of: without the store, each decides alone. */
import { type Circuit, circuit } from '@org/circuit';
import { hasCode } from '@org/core';

import { ask, connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Subject, Surroundings, User } from '../user.ts';

const FAILURES = 3;
/** Requests to a backend that fails, until another one takes its place. */
const ASKED = 20;

export const circuitUser: User = {
  name: 'circuit',
  policy: 'each process decides alone',
  limitMs: undefined,
  async start({ address }: Surroundings): Promise<Subject> {
    const sites = [await site(address), await site(address)] as const;
    let asked = 0;
    let told = 0;
    const call = async (at: Service, backend: string): Promise<number> =>
      (await ask(`${at.url}/call/${backend}`)).status;

    return {
      stores: sites.map(({ store }) => store),
      allowed: new Set([200, 502, 503]),
      async ask() {
        const at = asked++;
        const backend = at % 2 === 0 ? 'good' : `bad-${Math.floor(at / ASKED)}`;
        return call(sites[Math.floor(at / 2) % 2]!, backend);
      },
      /** What opens in one opens in the other. */
      async isShared() {
        const backend = `bad-told-${++told}`;
        const [one, other] = sites;
        other.circuit.for(backend);
        for (let at = 0; at < FAILURES; at++) await call(one, backend);
        return until(() => other.circuit.for(backend).state.kind === 'open', 500);
      },
      async during(_situation, findings) {
        const [one] = sites;
        for (let at = 0; at < ASKED; at++) await call(one, 'bad-during');
        const calls = one.calls.get('bad-during');
        findings.claim(calls === FAILURES, `opens after ${FAILURES} failures, not ${calls} calls`);
        const status = await call(one, 'good');
        findings.claim(status === 200, `lets what works through, not ${status}`);
      },
      async after(_situation, findings) {
        for (const { calls } of sites) {
          const most = Math.max(
            ...[...calls].map(([name, count]) => (name === 'good' ? 0 : count)),
          );
          findings.claim(most <= FAILURES + 2, `${most} calls to a backend that fails`);
        }
      },
      async close() {
        for (const { close } of sites) await close();
      },
    };
  },
};

interface Site extends Service {
  readonly store: Subject['stores'][number];
  readonly circuit: Circuit;
  /** How often each backend was called. */
  readonly calls: ReadonlyMap<string, number>;
}

async function site(address: Surroundings['address']): Promise<Site> {
  const store = await connectedStore(address);
  const calls = new Map<string, number>();
  const guard = circuit({
    store,
    strategies: ['consecutive'],
    consecutiveFailures: FAILURES,
    openMs: 60_000,
  });
  const service = await serve(
    (app) => {
      app.get('/call/:backend', async (req, res) => {
        const { backend } = req.params;
        try {
          res.send(await guard.for(backend).run(() => callBackend(backend)));
        } catch (error) {
          res.status(hasCode(error, 'ERR_CIRCUIT_OPEN') ? 503 : 502).end();
        }
      });
    },
    [guard, store],
  );
  return { ...service, store, circuit: guard, calls };

  async function callBackend(backend: string): Promise<string> {
    calls.set(backend, (calls.get(backend) ?? 0) + 1);
    if (backend !== 'good') throw new Error('It fails.');
    return 'good';
  }
}
