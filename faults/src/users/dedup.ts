/** Idempotency keys of two processes: what is not known to be new does not run. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Idempotency, idempotency } from '@org/dedup';
import express from 'express';

import { ask, connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Subject, Surroundings, User } from '../user.ts';

const DUPLICATES_RATIO = 0.4;

export const dedupUser: User = {
  name: 'idempotency',
  policy: 'refuses (503) and never runs twice',
  limitMs: 90,
  async start({ address, dice }: Surroundings): Promise<Subject> {
    /** How often each key took effect. */
    const effects = new Map<string, number>();
    const confirmed = new Set<string>();
    const sites = [await site(address, effects), await site(address, effects)] as const;
    let keys = 0;
    let refused = 0;

    async function book(key: string, at: Service) {
      const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
      const answer = await ask(`${at.url}/book`, { method: 'POST', headers, body: '{"amount":1}' });
      if (answer.status === 201) confirmed.add(key);
      if (answer.status === 503) refused++;
      return answer;
    }

    /** Asks until a key has its answer; whoever is asked first says how a lost one ended. */
    async function settle(key: string): Promise<boolean> {
      return until(async () => {
        const { status, text } = await book(key, dice.pick(sites));
        if (status === 201) return true;
        const { code, record } = JSON.parse(text) as { code: string; record?: string };
        if (code === 'ERR_IDEMPOTENCY_INDETERMINATE') {
          const ended = effects.has(key) ? { status: 201 } : 'retry';
          await sites[0].keys.resolve(record!, ended).catch(() => false);
        }
        return false;
      });
    }

    return {
      stores: sites.map(({ store }) => store),
      allowed: new Set([201, 409, 503]),
      async ask() {
        const isDuplicate = keys > 0 && dice.next() < DUPLICATES_RATIO;
        const key = `k${isDuplicate ? dice.between(Math.max(1, keys - 20), keys) : ++keys}`;
        return (await book(key, dice.pick(sites))).status;
      },
      isShared: async () => (await book(`k${++keys}`, dice.pick(sites))).status === 201,
      async during({ isAway }, findings) {
        if (!isAway) return;
        const { status, headers } = await book('during', sites[0]);
        const isRefused = status === 503 && headers['retry-after'] !== undefined;
        findings.claim(isRefused, `refuses a new key with 503 and Retry-After, not with ${status}`);
        findings.claim(!effects.has('during'), 'what was refused does not run');
      },
      async after({ remembers }, findings) {
        const all = [...Array(keys).keys()].map((at) => `k${at + 1}`);
        const stuck: string[] = [];
        for (const key of all) if (!(await settle(key))) stuck.push(key);
        findings.claim(stuck.length === 0, `stuck for good: ${stuck.join(', ')}`);
        const double = all.filter((key) => (effects.get(key) ?? 0) > 1).length;
        const lost = [...confirmed].filter((key) => !effects.has(key)).length;
        findings.claim(!remembers || double === 0, `${double} keys have run twice`);
        findings.claim(lost === 0, `${lost} keys were confirmed and have not run`);
        findings.note(`${all.length} keys: ${double} ran twice, ${lost} lost; ${refused} refusals`);
      },
      async close() {
        for (const { close } of sites) await close();
      },
    };
  },
};

interface Site extends Service {
  readonly store: Subject['stores'][number];
  readonly keys: Idempotency;
}

async function site(address: Surroundings['address'], effects: Map<string, number>): Promise<Site> {
  const store = await connectedStore(address);
  const keys = idempotency({ store, storeTimeoutMs: address.timeoutMs });
  const service = await serve(
    (app) => {
      app.use(express.json(), keys);
      app.post('/book', async (req, res) => {
        const key = req.get('idempotency-key')!;
        // A while in which it can be struck.
        await sleep(2);
        effects.set(key, (effects.get(key) ?? 0) + 1);
        res.status(201).json({ key });
      });
    },
    [keys, store],
  );
  return { ...service, store, keys };
}
