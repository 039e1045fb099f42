/**
 * Idempotency keys (IETF draft-ietf-httpapi-idempotency-key-header-07, expired; and Stripe's
 * practice): a request that may not run twice carries a key, and whoever sends it again gets
 * the answer of the first. It stands behind the body parser, since two bodies are compared, and
 * behind the queue and the limits: a request that was refused there has used up no key.
 */
import {
  addressOf,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  HANDLED,
  type HealthReport,
  type MemoryStore,
  memoryStore,
  type Middleware,
  routeTable,
  type Stats,
  type StepResult,
} from '@org/core';

import type { Claim } from './claim.ts';
import { GuardedStore } from './guarded-store.ts';
import { IdempotencyEvents } from './idempotency-events.ts';
import { type IdempotencyOptions, resolveIdempotencyOptions } from './idempotency-options.ts';
import { indeterminate, keyReused, stillRunning, storeFailed } from './idempotency-problems.ts';
import { type Ending, Keeping } from './keeping.ts';
import { type KeyedRequest, KeyReader } from './keyed-request.ts';
import { Ledger, type Verdict } from './ledger.ts';
import type { IdempotencyRecord, KeptAnswer } from './record.ts';
import { replay } from './replay.ts';
import { WaitingRoom } from './waiting-room.ts';

/** How a key that nobody knows the end of is to go on: run it again, or answer this from now on. */
export type Resolution = 'retry' | GivenAnswer;

/** An answer as an operator states it. */
export interface GivenAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes as they are; anything else as JSON. @default none */
  readonly body?: unknown;
}

/** Idempotency keys: a middleware, and what operators can do. */
export interface Idempotency extends Middleware {
  /** The id of the record for this request and its key; absent where it has no key. @throws ProblemError 400 */
  recordOf(exchange: Exchange): string | undefined;
  /** What is known of a record, an owner that is lost taken into account. @throws what the store throws */
  inspect(record: string): Promise<IdempotencyRecord['state'] | undefined>;
  /**
   * Says how a request ended that nobody knows the end of. Answers whether there was such a
   * record; of one that runs or is finished nothing changes. @throws what the store throws
   */
  resolve(record: string, resolution: Resolution): Promise<boolean>;
}

/** What those who wait for a key are told. */
interface News {
  readonly fingerprint: string;
  readonly answer: KeptAnswer;
}

/** Makes a middleware of its own. @throws OptionError for unknown or wrong options */
export function idempotency(options?: Given<IdempotencyOptions>): Idempotency {
  const settings = resolveIdempotencyOptions(options);
  const { clock, methods, retryAfterMs } = settings;
  const own: MemoryStore | undefined =
    settings.store === undefined ? memoryStore({ clock }) : undefined;
  const store = new GuardedStore(settings.store ?? own!, clock, settings.storeTimeoutMs);
  const events = new IdempotencyEvents(settings.onEvent);
  const reader = new KeyReader(settings);
  const policyOf = routeTable('idempotency', settings.routes);
  const room = new WaitingRoom<News>(clock, settings.maxWaiters);
  const ledger = new Ledger({
    ...settings,
    store,
    retryLost: settings.onOwnerLost === 'retry',
    onPaid: (paid, written) => {
      if (written === 'overtaken') events.tell('overtaken', paid.asked.id);
      room.wake(paid.asked.id);
    },
  });
  const keeping = new Keeping(settings, (claimed, ending, exchange) => {
    void end(claimed, ending, exchange);
  });
  const retention = String(Math.floor(settings.retentionMs / 1000));
  const advertising = defineStages({
    head: (head) => head.set('Idempotency-Retention', retention),
  });
  let closed = false;

  function step(exchange: Exchange): StepResult {
    const { req } = exchange;
    if (!methods.includes(req.method)) return undefined;
    const policy = policyOf(addressOf(req));
    if (policy === false) return undefined;
    const key = reader.keyOf(exchange, policy?.required);
    if (key === undefined || policy?.transactional === true || keeping.has(exchange)) {
      return undefined;
    }
    const asked = reader.read(exchange, key);
    if (settings.advertiseRetention) exchange.tap(advertising);
    return answer(exchange, asked);
  }

  /** Runs the handler, or answers for it. */
  async function answer(exchange: Exchange, asked: KeyedRequest): Promise<void | typeof HANDLED> {
    let verdict = await claim(exchange, asked);
    if (verdict.is === 'in-flight' && settings.inFlight === 'wait') {
      const waited = await wait(exchange, asked);
      if (waited === 'gone') return HANDLED;
      verdict = waited;
    }
    switch (verdict.is) {
      case 'claimed':
        events.tell(verdict.claim.retaken ? 'retaken' : 'claimed', asked.id, exchange);
        // It was answered while the store was asked: nothing below runs for it any more.
        if (exchange.abandoned) await end(verdict.claim, 'released', exchange);
        else keeping.watch(exchange, verdict.claim);
        return undefined;
      case 'finished':
        events.tell('replayed', asked.id, exchange);
        replay(exchange, verdict.answer);
        return HANDLED;
      case 'mismatch':
        events.tell('mismatch', asked.id, exchange);
        throw keyReused();
      case 'in-flight':
        events.tell('in-flight', asked.id, exchange);
        throw stillRunning(retryAfterMs);
      case 'indeterminate':
        events.tell('indeterminate', asked.id, exchange);
        throw indeterminate(asked.id);
    }
  }

  /** Fails closed: what is not known to be new does not run. */
  async function claim(exchange: Exchange, asked: KeyedRequest): Promise<Verdict> {
    try {
      if (closed) throw new Error('idempotency is closed.');
      return await ledger.claim(asked);
    } catch (error) {
      events.tell('store-failed', asked.id, exchange);
      throw storeFailed(error, retryAfterMs);
    }
  }

  /** Waits for the original, and looks again each time that something may have changed. */
  async function wait(exchange: Exchange, asked: KeyedRequest): Promise<Verdict | 'gone'> {
    const untilMs = clock.monotonicMs() + Math.min(settings.maxWaitMs, exchange.remainingMs);
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each look depends on what has happened since the last
      const waited = await room.wait(asked.id, untilMs, exchange);
      if (waited.end === 'gone') return 'gone';
      if (waited.end !== 'look') return { is: 'in-flight' };
      const { news } = waited;
      if (news?.fingerprint === asked.fingerprint) return { is: 'finished', answer: news.answer };
      // oxlint-disable-next-line no-await-in-loop -- as above
      const verdict = await claim(exchange, asked);
      if (verdict.is === 'in-flight') continue;
      // Those who wait beside it need not ask.
      const { fingerprint } = asked;
      room.wake(
        asked.id,
        verdict.is === 'finished' ? { fingerprint, answer: verdict.answer } : undefined,
      );
      return verdict;
    }
  }

  /** Writes down how a request ended, and tells who waits for it. */
  async function end(claimed: Claim, ending: Ending, exchange: Exchange): Promise<void> {
    const { id, fingerprint } = claimed.asked;
    const written = await (ending === 'released'
      ? ledger.release(claimed)
      : ending === 'lost'
        ? ledger.lose(claimed)
        : ledger.finish(claimed, ending.kept));
    const type = ending === 'released' || ending === 'lost' ? ending : 'finished';
    events.tell(written === 'overtaken' ? 'overtaken' : type, id, exchange);
    if (written !== 'written') return;
    room.wake(id, typeof ending === 'object' ? { fingerprint, answer: ending.kept } : undefined);
  }

  const middleware = defineMiddleware({
    name: 'dedup:idempotency',
    phase: 'read',
    after: ['body'],
    reason: 'compares bodies, and a request that was refused above has used up no key',
    step,
    health: (): HealthReport => health(store, own),
    stats: (): Stats => ({
      ...events.stats(),
      running: ledger.size,
      waiting: room.size,
      ...(own === undefined ? {} : { memory: own.stats?.() }),
    }),
    async close() {
      closed = true;
      room.close();
      ledger.close();
      await own?.close?.();
    },
  });

  return Object.assign(middleware, {
    recordOf(exchange: Exchange): string | undefined {
      const key = reader.keyOf(exchange, false);
      return key === undefined ? undefined : reader.idOf(exchange, key);
    },
    inspect: async (record: string) => (await ledger.look(record))?.state,
    async resolve(record: string, resolution: Resolution): Promise<boolean> {
      const given = resolution === 'retry' ? undefined : keptAnswer(resolution);
      const resolved = await ledger.resolve(record, given);
      if (resolved) {
        events.tell('resolved', record);
        room.wake(record);
      }
      return resolved;
    },
  });
}

function health(store: GuardedStore, own: MemoryStore | undefined): HealthReport {
  if (store.failing) {
    return {
      status: 'warn',
      detail: 'the store does not answer: requests with an Idempotency-Key are refused',
    };
  }
  return own !== undefined && Number(own.stats?.()['evictedTotal'] ?? 0) > 0
    ? { status: 'warn', detail: 'memory is full: keys are forgotten before their retention ends' }
    : { status: 'pass' };
}

function keptAnswer({ status = 200, headers = {}, body }: GivenAnswer): KeptAnswer {
  const flat = Object.entries(headers).flat();
  if (body === undefined) return { status, headers: flat, body: Buffer.alloc(0) };
  if (body instanceof Uint8Array) return { status, headers: flat, body };
  const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  return {
    status,
    headers: named ? flat : [...flat, 'Content-Type', type],
    body: Buffer.from(isText ? body : JSON.stringify(body)),
  };
}
