/** The steps of a shutdown, one after the other, each of which may be given up. */
import {
  type Clock,
  closeInOrder,
  type ClosingProgress,
  closingProgress,
  dependencyOrder,
  type Host,
  MAX_DELAY_MS,
} from '@org/core';

import { endWorkers, leavePrimary } from './cluster-part.ts';
import type { Connections } from './connections.ts';
import { drain } from './drain.ts';
import type { ShutdownOptions } from './options.ts';
import { exitCodeOf, type ShutdownPhase, type ShutdownReport } from './shutdown-report.ts';

/** What a sequence works on. */
export interface Service {
  readonly options: Readonly<ShutdownOptions>;
  readonly host: Host | undefined;
  readonly servers: ReadonlyMap<unknown, Connections>;
  /** Aborts, with a signal's name as its reason, when the sequence is to end at once. */
  readonly forced: AbortSignal;
  /** Called as each phase begins. */
  enter(phase: ShutdownPhase): void;
}

/** How many requests that hang a report names. */
const MAX_NAMED = 20;

/** Runs the whole sequence. */
export async function runSequence(service: Service, reason: string): Promise<ShutdownReport> {
  const { options, servers, forced } = service;
  const { clock } = options;
  const beganMs = clock.monotonicMs();
  // Timers of the clock let a process end, and this one has yet to.
  const hold = setInterval(() => undefined, MAX_DELAY_MS);
  const deadline = new AbortController();
  const cancelDeadline = clock.after(options.deadlineMs, () => deadline.abort());
  const giveUp = AbortSignal.any([forced, deadline.signal]);
  const progress = closingProgress();
  try {
    service.host?.drain();
    service.enter('readiness');
    const workers = endWorkers(reason, options.drainTimeoutMs, clock);
    await pause(options.readinessDelayMs, clock, giveUp);

    service.enter('requests');
    const connections = new Set(servers.values());
    await drain(connections, options, giveUp);
    const hungRequests = [...connections].flatMap((one) => namesOf(one, options.idleGraceMs));
    for (const one of connections) one.destroyAll();

    await unlessAborted(giveUp, async () => {
      if (!(await workers)) progress.hung.push('cluster workers');
      service.enter('components');
      await closeEverything(service, progress);
      await leavePrimary(options.closeTimeoutMs, clock);
    });
    const hung = [...progress.hung, ...progress.waiting];
    const isClean = hungRequests.length + hung.length + progress.failed.length === 0;
    const forcedBy = forced.aborted ? (forced.reason as NodeJS.Signals) : undefined;
    return Object.freeze({
      reason,
      exitCode: forcedBy !== undefined ? exitCodeOf(forcedBy) : isClean ? 0 : 1,
      forcedBy,
      hungRequests: hungRequests.slice(0, MAX_NAMED),
      hungRequestsTotal: hungRequests.length,
      closed: [...progress.closed],
      hung,
      failed: [...progress.failed],
      lateRequestsTotal: [...connections].reduce((sum, one) => sum + one.lateRequestsTotal, 0),
      durationMs: clock.monotonicMs() - beganMs,
    });
  } finally {
    cancelDeadline();
    clearInterval(hold);
  }
}

/** The components of the host, or those that were given; then the user's own last step. */
async function closeEverything(
  { host, options }: Service,
  progress: ClosingProgress,
): Promise<void> {
  const { clock, closeTimeoutMs, components, onClose } = options;
  if (host !== undefined) {
    // Until the host reports, any of them may be the one that hangs.
    progress.waiting.push(...host.components().map(({ name }) => name));
    const { closed, hung, failed } = await host.closeComponents();
    progress.waiting.length = 0;
    progress.closed.push(...closed);
    progress.hung.push(...hung);
    progress.failed.push(...failed);
  }
  const last = onClose === undefined ? [] : [{ name: 'onClose', close: onClose }];
  const parts = dependencyOrder(components).toReversed();
  await closeInOrder([...parts, ...last], closeTimeoutMs, clock, progress);
}

/** Method and path; the query may hold what no log should. */
function namesOf(connections: Connections, stalledMs: number): string[] {
  return [
    ...[...connections.requests(stalledMs)].map(
      ({ method, url = '' }) => `${method} ${url.split('?', 1)[0]}`,
    ),
    ...connections.openSessions().map(() => 'HTTP/2 session'),
  ];
}

function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (delayMs === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal.addEventListener('abort', finish);
  });
}

/** Does `work`, but waits for it no longer than until `signal` aborts. */
async function unlessAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  if (signal.aborted) return;
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([work(), aborted]);
}
