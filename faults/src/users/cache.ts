/** A cache of two processes over one store: it goes round a store that is away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cache } from '@org/cache';

import { ask, connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Findings, Subject, Surroundings, User } from '../user.ts';

const ITEMS = 40;
const WRITES_RATIO = 0.1;

export const cacheUser: User = {
  name: 'cache',
  policy: 'goes round: answers from memory or from the handler',
  limitMs: 50,
  async start({ address, dice }: Surroundings): Promise<Subject> {
    const truth = new Truth();
    const sites = [await site(address, truth), await site(address, truth)] as const;
    let backwards = 0;
    let probes = 0;

    async function read(at: Site, item: number): Promise<number> {
      const least = at.written.get(item) ?? 0;
      const { status, text } = await ask(`${at.url}/items/${item}`);
      if (status === 200 && Number(text) < least) backwards++;
      return status;
    }

    async function write(at: Site, item: number): Promise<number> {
      const { status, text } = await ask(`${at.url}/items/${item}`, { method: 'PUT' });
      at.written.set(item, Math.max(at.written.get(item) ?? 0, Number(text)));
      return status;
    }

    return {
      stores: sites.map(({ store }) => store),
      allowed: new Set([200]),
      ask() {
        const at = dice.pick(sites);
        const item = dice.between(1, ITEMS);
        return dice.next() < WRITES_RATIO ? write(at, item) : read(at, item);
      },
      async isShared() {
        // What is asked of the application and then of the other process is what the store has.
        const item = 10_000 + ++probes;
        await ask(`${sites[0].url}/items/${item}`);
        // It goes to the store behind the answer's back, and a busy machine takes its time for that.
        await sleep(Math.min(500, 20 * probes));
        await ask(`${sites[1].url}/items/${item}`);
        return truth.madeOf(item) === 1;
      },
      async during({ isAway }, findings) {
        if (!isAway) return;
        const [at] = sites;
        let made = 0;
        for (let round = 0; round < 2; round++) {
          for (let item = 1001; item <= 1010; item++) {
            const { status } = await ask(`${at.url}/items/${item}`);
            findings.claim(status === 200, `answers while the store is away, not ${status}`);
          }
        }
        for (let item = 1001; item <= 1010; item++) made += truth.madeOf(item);
        findings.claim(
          made === 10,
          `asks the application once for each answer, not ${made} for 10`,
        );
      },
      async after(_situation, findings) {
        findings.claim(
          backwards === 0,
          `${backwards} answers older than what their process had seen written`,
        );
        await compare(sites, truth, findings);
      },
      async close() {
        for (const { close } of sites) await close();
      },
    };
  },
};

/** What the application knows of its items, and how often it was asked. */
class Truth {
  private readonly versions: Map<number, number> = new Map();
  private readonly made: Map<number, number> = new Map();

  madeOf(item: number): number {
    return this.made.get(item) ?? 0;
  }

  make(item: number): number {
    this.made.set(item, this.madeOf(item) + 1);
    return this.read(item);
  }

  read(item: number): number {
    return this.versions.get(item) ?? 0;
  }

  write(item: number): number {
    const version = this.read(item) + 1;
    this.versions.set(item, version);
    return version;
  }
}

interface Site extends Service {
  readonly store: Subject['stores'][number];
  /** The version of each item that has been written through this process, and answered. */
  readonly written: Map<number, number>;
}

async function site(address: Surroundings['address'], truth: Truth): Promise<Site> {
  const store = await connectedStore(address);
  const cached = cache({ store, ttlMs: 3_600_000, storeTimeoutMs: address.timeoutMs });
  const service = await serve(
    (app) => {
      app.use(cached);
      app.get('/items/:item', (req, res) => {
        res.send(String(truth.make(Number(req.params.item))));
      });
      app.put('/items/:item', (req, res) => {
        res.send(String(truth.write(Number(req.params.item))));
      });
    },
    [cached, store],
  );
  return { ...service, store, written: new Map() };
}

/** What was invalidated must come to every process. */
async function compare(sites: readonly Site[], truth: Truth, findings: Findings): Promise<void> {
  const stale = new Set<string>();
  const isFresh = await until(async () => {
    stale.clear();
    for (const [at, { url }] of sites.entries()) {
      for (let item = 1; item <= ITEMS; item++) {
        const { text } = await ask(`${url}/items/${item}`);
        if (Number(text) !== truth.read(item)) stale.add(`item ${item} of process ${at + 1}`);
      }
    }
    return stale.size === 0;
  }, 5000);
  findings.claim(isFresh, `stale for good: ${[...stale].join(', ')}`);
}
