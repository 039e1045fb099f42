/**
 * Duplicates of many keys, asked of two processes, while these and what they keep their keys in are
 * killed: what ran twice, what is lost, and what is stuck.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Books } from './books.ts';
import { Child } from './child.ts';
import type { Dice } from './dice.ts';
import { ask } from './service.ts';
import { until } from './until.ts';

export interface OnceSettings {
  readonly keys: number;
  readonly duplicates: number;
  /** Kills of where the keys are, and of processes. */
  readonly storeKills: number;
  readonly processKills: number;
}

export interface Tally {
  readonly requests: number;
  /** Requests by what they were answered; 0: not at all. */
  readonly answers: ReadonlyMap<number, number>;
  /** Keys that took effect more than once. */
  readonly double: number;
  /** Keys that were confirmed, and took no effect. */
  readonly lost: number;
  /** Keys that got no answer in the end. */
  readonly stuck: number;
  /** Keys that somebody had to say the end of. */
  readonly resolved: number;
}

/** Requests under way at once. */
const OPEN = 50;
/** Keys whose duplicates come mixed. */
const MIXED = 25;
/** The longest that a key may take to get its answer in the end, in ms. */
const PATIENCE_MS = 30_000;

export async function tallyOnce(books: Books, dice: Dice, settings: OnceSettings): Promise<Tally> {
  const sites = [new Child('booking-service', books.env), new Child('booking-service', books.env)];
  await Promise.all(sites.map((site) => site.start()));
  const { keys, duplicates, storeKills, processKills } = settings;
  const all = Array.from({ length: keys }, (_, at) => `key-${at}`);
  const order = mixed(all, duplicates, dice);
  const kills = planOf(order.length, { storeKills, processKills }, dice);
  const answers = new Map<number, number>();
  const confirmed = new Set<string>();
  const killing: Promise<void>[] = [];

  async function book(key: string): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
    const { url } = dice.pick(sites);
    const answer = await ask(`${url}/book`, {
      method: 'POST',
      headers,
      body: '{"amount":1}',
    }).catch(() => ({ status: 0, text: '' }));
    if (answer.status === 201) confirmed.add(key);
    return answer;
  }

  async function kill(what: 'store' | 'process'): Promise<void> {
    if (what === 'process') {
      const site = dice.pick(sites);
      await site.kill();
      await site.start();
      return;
    }
    await books.crash();
    await sleep(dice.between(0, 300));
    await books.restart();
  }

  let next = 0;
  let lastKill: Promise<void> = Promise.resolve();
  async function client(): Promise<void> {
    while (next < order.length) {
      const at = next++;
      const what = kills.get(at);
      if (what !== undefined) {
        lastKill = lastKill.then(() => kill(what));
        killing.push(lastKill);
      }
      const { status } = await book(order[at]!);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      // A client that was told so comes back later.
      if (status === 503 || status === 0) await sleep(20);
    }
  }

  try {
    await Promise.all(Array.from({ length: OPEN }, client));
    await Promise.all(killing);
    const { stuck, resolved } = await settle(all, book, () => sites[0]!.url, books);
    const effects = await books.effects();
    return {
      requests: order.length,
      answers,
      double: all.filter((key) => (effects.get(key) ?? 0) > 1).length,
      lost: [...confirmed].filter((key) => !effects.has(key)).length,
      stuck,
      resolved,
    };
  } finally {
    await Promise.all(killing);
    await Promise.all(sites.map((site) => site.kill()));
  }
}

/** Asks for each key until it has its answer; where nobody knows the end, looks, and says it. */
async function settle(
  keys: readonly string[],
  book: (key: string) => Promise<{ readonly status: number; readonly text: string }>,
  url: () => string,
  books: Books,
): Promise<{ readonly stuck: number; readonly resolved: number }> {
  let stuck = 0;
  let resolved = 0;
  for (const key of keys) {
    const isSettled = await until(async () => {
      const { status, text } = await book(key);
      if (status === 201) return true;
      const { code, record } = JSON.parse(text || '{}') as { code?: string; record?: string };
      if (code === 'ERR_IDEMPOTENCY_INDETERMINATE') {
        const ended = (await books.effects()).has(key) ? 'done' : 'retry';
        await ask(`${url()}/operators/${record}/${ended}`, { method: 'POST' });
        resolved++;
      }
      return false;
    }, PATIENCE_MS);
    if (!isSettled) stuck++;
  }
  return { stuck, resolved };
}

/** Every key so often, those of a group in any order. */
function mixed(keys: readonly string[], duplicates: number, dice: Dice): readonly string[] {
  const order: string[] = [];
  for (let from = 0; from < keys.length; from += MIXED) {
    const group = keys
      .slice(from, from + MIXED)
      .flatMap((key) => Array<string>(duplicates).fill(key));
    for (let at = group.length - 1; at > 0; at--) {
      const other = dice.between(0, at);
      [group[at], group[other]] = [group[other]!, group[at]!];
    }
    order.push(...group);
  }
  return order;
}

/** At which request what is killed. */
function planOf(
  requests: number,
  { storeKills, processKills }: Pick<OnceSettings, 'storeKills' | 'processKills'>,
  dice: Dice,
): ReadonlyMap<number, 'store' | 'process'> {
  const plan = new Map<number, 'store' | 'process'>();
  for (const [what, times] of [
    ['store', storeKills],
    ['process', processKills],
  ] as const) {
    for (let time = 0; time < times; time++) {
      let at = dice.between(0, requests - 1);
      while (plan.has(at)) at = dice.between(0, requests - 1);
      plan.set(at, what);
    }
  }
  return plan;
}
