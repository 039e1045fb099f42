/**
 * Faults that have nobody to be thrown to: a stage that throws while a response
 * leaves, a listener that fails. They are published on one diagnostics channel;
 * with no subscriber they become a process warning, so that none is swallowed.
 */
import { channel } from 'node:diagnostics_channel';

import type { Exchange } from './exchange.ts';

/** Name of the channel; messages are `Fault`s. */
export const FAULT_CHANNEL = '@org/fault';

/**
 * Held for good: once a channel has been collected, Node 20 forgets its name a while later,
 * and with it whoever has subscribed to that name since.
 */
const KEPT = channel(FAULT_CHANNEL);

/** A fault outside the reach of the error handlers. */
export interface Fault {
  readonly error: unknown;
  /** Where it happened, such as `capture` or `cache refresh`. */
  readonly where: string;
  readonly exchange: Exchange | undefined;
}

/**
 * Calls a hook of the user's that must not disturb the caller: what it throws, or
 * rejects with later, is reported. Answers what the hook answered, or nothing where it threw.
 */
export function callHook(hook: () => unknown, where: string, exchange?: Exchange): unknown {
  try {
    const answer = hook();
    if (answer instanceof Promise) {
      answer.catch((error: unknown) => report(error, where, exchange));
    }
    return answer;
  } catch (error) {
    report(error, where, exchange);
    return undefined;
  }
}

/** Publishes a fault. Never throws. */
export function report(error: unknown, where: string, exchange?: Exchange): void {
  const faults = channel(KEPT.name);
  if (faults.hasSubscribers) {
    faults.publish({ error, where, exchange } satisfies Fault);
  } else {
    // As text: an error of another realm is none to Node, which would throw.
    const { stack = String(error) } = (error ?? {}) as { readonly stack?: string };
    process.emitWarning(stack, { type: 'MiddlewareFault', detail: `in ${where}` });
  }
}
