/** Waits until the requests in flight have ended, and a little longer for those that are on their way. */
import type { Clock } from '@org/core';

import type { Connections } from './connections.ts';

/** How often the connections are looked at, in ms. */
const LOOK_EVERY_MS = 20;

/** What the drain goes by. */
export interface DrainRules {
  readonly idleGraceMs: number;
  readonly drainTimeoutMs: number;
  readonly closeWebSockets: boolean;
  readonly clock: Clock;
}

/**
 * Drains every server. Resolves when no connection is left, or nothing has happened for the
 * grace, or the time is over, or `signal` aborts; what is left then is for the caller to cut.
 */
export function drain(
  all: ReadonlySet<Connections>,
  { idleGraceMs, drainTimeoutMs, closeWebSockets, clock }: DrainRules,
  signal: AbortSignal,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  let lastBusyMs = beganMs;
  for (const connections of all) connections.drain();

  const isOver = (): boolean => {
    const nowMs = clock.monotonicMs();
    let empty = true;
    for (const connections of all) {
      if (closeWebSockets) connections.webSockets.tellGoingAway();
      if (!connections.isEmpty) empty = false;
      if (connections.isBusy(idleGraceMs)) lastBusyMs = nowMs;
      lastBusyMs = Math.max(lastBusyMs, connections.lastArrivalMs);
    }
    return empty || nowMs - lastBusyMs >= idleGraceMs || nowMs - beganMs >= drainTimeoutMs;
  };

  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.every(LOOK_EVERY_MS, () => {
      if (isOver()) finish();
    });
    signal.addEventListener('abort', finish);
    if (signal.aborted || isOver()) finish();
  });
}
