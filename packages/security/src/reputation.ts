/**
 * The reputation of addresses: whoever does what is noted against them too often within a
 * window is refused for a while, and for longer each time. It stands behind the headers and
 * ahead of all that inspects: a request that is blocked costs a look into a map.
 */
import {
  defineMiddleware,
  type Exchange,
  type Given,
  Listeners,
  type Middleware,
  type ProblemError,
  type Stats,
  type StepResult,
} from '@org/core';

import { bareAddress } from './address-list.ts';
import { blocksRoute, type BlockView } from './blocks-route.ts';
import { type Block, Blocks } from './blocks.ts';
import { addressOfClient, ProxyWarning } from './client.ts';
import { type BlockedEvent, SECURITY_CHANNEL, type SecurityEvent } from './events.ts';
import { Gate, type Refusal } from './gate.ts';
import { type ReputationOptions, resolveReputationOptions } from './reputation-options.ts';
import { refusalError, refuse } from './refusals.ts';
import { Scores } from './scores.ts';
import { SharedReputation } from './shared-reputation.ts';

/** What an operator says of a block of his own. */
export interface ManualBlock {
  /** How long, in ms. @default the longest that the options allow */
  readonly durationMs?: number;
  /** @default "blocked by an operator" */
  readonly reason?: string;
}

/** The middleware, and what else may be done about reputations. */
export interface Reputation extends Middleware {
  /**
   * Notes points against whoever a request is from: the principal first, where it is known, and
   * the address once that is blocked. `reason` is shown to operators.
   */
  note(exchange: Exchange, points: number, reason: string): void;
  /** Blocks an address, or the network of an IPv6 address. @throws RangeError for what is none */
  block(address: string, options?: ManualBlock): void;
  /** Lifts a block and forgets what led to it; says whether there was one. @throws RangeError for what is no address */
  lift(address: string): boolean;
  /** Who is blocked, the longest first. */
  list(): BlockView[];
  start(): Promise<void>;
  stats(): Stats;
  close(): Promise<void>;
}

/** Makes the reputation. @throws OptionError for unknown or wrong options */
export function reputation(options?: Given<ReputationOptions>): Reputation {
  const settings = resolveReputationOptions(options);
  const { threshold, windowMs, maxBlockMs, maxEntries, clock, path, store } = settings;
  const enforced = settings.mode === 'enforce';
  const scores = new Scores(windowMs, maxEntries);
  const blocks = new Blocks(settings, maxEntries);
  const gate = new Gate(settings, blocks);
  const listeners = new Listeners<SecurityEvent>(
    SECURITY_CHANNEL,
    settings.onEvent,
    'security onEvent',
  );
  const warning = new ProxyWarning();
  const counts = { noted: 0, exempt: 0, blocked: 0, refused: 0 };
  const answerRoute =
    path === false ? undefined : blocksRoute(path, settings.access, { list, lift });
  const shared =
    store === undefined
      ? undefined
      : new SharedReputation({
          store,
          namespace: settings.namespace,
          timeoutMs: settings.storeTimeoutMs,
          windowMs,
          clock,
          onBlocked(block) {
            scores.forget(block.key);
            if (blocks.takeOver(block, clock.monotonicMs())) announce(block, 'store');
          },
          onLifted: (key) => void forget(key),
          held: () => blocks.held(clock.monotonicMs()),
        });
  let begun = shared === undefined;
  let closed = false;

  function turnAway(exchange: Exchange, found: Refusal | Block): StepResult {
    const reason = typeof found === 'string' ? found : 'blocked';
    counts.refused++;
    if (listeners.listening) {
      listeners.tell({ type: 'refused', part: 'reputation', reason, enforced, exchange });
    }
    if (!enforced) return undefined;
    const error =
      typeof found === 'string' ? denied() : blocked(found.untilMs - clock.monotonicMs());
    return refuse(exchange, error, settings.throwRefusals);
  }

  function note(exchange: Exchange, points: number, reason: string): void {
    const ip = addressOfClient(exchange.req);
    if (closed || exchange.internal || !(points > 0)) return;
    if (ip !== undefined && gate.isExempt(exchange, bareAddress(ip))) {
      counts.exempt++;
      return;
    }
    const key = gate.accountOf(exchange, ip);
    if (key === undefined) return;
    counts.noted++;
    const score = scores.add(key, points, clock.monotonicMs());
    if (listeners.listening)
      listeners.tell({ type: 'noted', key, points, score, reason, exchange });
    if (score >= threshold) punish(key, reason);
    else if (shared !== undefined) void noteEverywhere(shared, key, points, reason);
  }

  async function noteEverywhere(
    everywhere: SharedReputation,
    key: string,
    points: number,
    reason: string,
  ): Promise<void> {
    const strikes = blocks.strikesOf(key, clock.monotonicMs());
    const score = await everywhere.count(key, strikes, points);
    if (score !== undefined && score >= threshold) punish(key, reason);
  }

  function punish(key: string, reason: string): void {
    const nowMs = clock.monotonicMs();
    if (closed || blocks.find(key, nowMs) !== undefined) return;
    scores.forget(key);
    const block = blocks.begin(key, reason, nowMs);
    announce(block, 'points');
    shared?.blocked(block);
  }

  function announce(block: Block, by: BlockedEvent['by']): void {
    counts.blocked++;
    gate.blocked(block);
    if (!listeners.listening) return;
    const { key, reason, strikes, untilMs } = block;
    const durationMs = untilMs - clock.monotonicMs();
    listeners.tell({ type: 'blocked', key, reason, durationMs, strikes, by });
  }

  function forget(key: string): boolean {
    scores.forget(key);
    const lifted = blocks.lift(key, clock.monotonicMs());
    if (lifted && listeners.listening) listeners.tell({ type: 'lifted', key });
    return lifted;
  }

  function lift(address: string): boolean {
    const key = gate.keyOf(address);
    const lifted = forget(key);
    // Another process may know of one that has been forgotten here.
    shared?.lifted(key);
    return lifted;
  }

  function list(): BlockView[] {
    const nowMs = clock.monotonicMs();
    const atZero = clock.now() - nowMs;
    return blocks
      .held(nowMs)
      .map(({ untilMs, ...block }) => ({ ...block, untilAt: Math.round(atZero + untilMs) }));
  }

  const middleware = defineMiddleware({
    name: 'security:reputation',
    phase: 'protect',
    priority: 10,
    before: ['security:csrf', 'security:threats', 'rate-limit'],
    protects: true,
    reason: 'a request that is blocked costs nothing but a look',
    step(exchange): StepResult {
      if (closed || exchange.internal) return undefined;
      const answered = answerRoute?.(exchange);
      if (answered !== undefined) return answered;
      if (!begun) void start();
      warning.check(exchange.req);
      if (gate.isOpen) return undefined;
      const found = gate.verdict(exchange);
      return found === undefined ? undefined : turnAway(exchange, found);
    },
    start,
    health: () =>
      shared?.isDown === true
        ? { status: 'warn', detail: 'the store is away: each process knows its own blocks only' }
        : { status: 'pass' },
    stats: (): Stats => ({
      tracked: scores.size,
      blocks: blocks.held(clock.monotonicMs()).length,
      notedTotal: counts.noted,
      exemptTotal: counts.exempt,
      blockedTotal: counts.blocked,
      refusedTotal: counts.refused,
      relievedTotal: gate.relieved,
      storeFailuresTotal: shared?.failuresTotal ?? 0,
    }),
    async close() {
      closed = true;
      await shared?.close();
      scores.clear();
      blocks.clear();
    },
  });

  async function start(): Promise<void> {
    begun = true;
    await shared?.start();
  }

  return Object.assign(middleware, {
    note,
    block(address: string, { durationMs = maxBlockMs, reason = BY_HAND }: ManualBlock = {}): void {
      const key = gate.keyOf(address);
      if (!(durationMs > 0)) {
        throw new RangeError(`reputation: durationMs must be above 0, but is ${durationMs}.`);
      }
      const block = blocks.begin(key, reason, clock.monotonicMs(), durationMs);
      announce(block, 'operator');
      shared?.blocked(block);
    },
    lift,
    list,
  }) as Reputation;
}

const BY_HAND = 'blocked by an operator';

function blocked(leftMs: number): ProblemError {
  return refusalError({
    code: 'ERR_ADDRESS_BLOCKED',
    detail: 'This address is blocked for a while because of what came from it. Try again later.',
    headers: { 'Retry-After': String(Math.max(1, Math.ceil(leftMs / 1000))) },
  });
}

function denied(): ProblemError {
  return refusalError({
    code: 'ERR_ADDRESS_DENIED',
    detail: 'This address is not let in.',
  });
}
