/** The steps of a shutdown, one after the other, each of which may be given up. */
import { constants } from 'node:os';
import {
  type Clock,
  closeInOrder,
  type ClosingProgress,
  closingProgress,
  dependencyOrder,
  type Host,
  isOwnedSocket,
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
    let haveWorkersEnded = false;
    const workers = endWorkers(signalOf(reason), timeOfWorker(options), clock).then((ended) => {
      haveWorkersEnded = ended;
    });
    await pause(options.readinessDelayMs, clock, giveUp);

    service.enter('requests');
    const connections = new Set(servers.values());
    await drain(connections, options, giveUp);
    const hungRequests = [...connections].flatMap((one) => namesOf(one, options.idleGraceMs));
    for (const one of connections) {
      one.destroyAll((socket) => !options.closeWebSockets || isOwnedSocket(socket));
    }

    await unlessAborted(giveUp, async () => {
      await workers;
      service.enter('components');
      await closeEverything(service, progress);
      await leavePrimary(options.closeTimeoutMs, clock);
    });
    for (const one of connections) one.destroyAll(() => false);
    const ended = new Set([...progress.closed, ...progress.failed.map(({ name }) => name)]);
    // Until the host reports, any of its components may be the one that hangs.
    const hung = [
      ...(haveWorkersEnded ? [] : ['cluster workers']),
      ...namesOfAll(service).filter((name) => !ended.has(name)),
    ];
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
    const { closed, failed } = await host.closeComponents();
    progress.closed.push(...closed);
    progress.failed.push(...failed);
  }
  const last = onClose === undefined ? [] : [{ name: 'onClose', close: onClose }];
  const parts = dependencyOrder(components).toReversed();
  await closeInOrder([...parts, ...last], closeTimeoutMs, clock, progress);
}

/** Everything that is to close. */
function namesOfAll({ host, options }: Service): string[] {
  return [
    ...[...(host?.components() ?? []), ...options.components].map(({ name }) => name),
    ...(options.onClose === undefined ? [] : ['onClose']),
  ];
}

/** What the primary passes on: its own signal, which its workers may have had already, or else SIGTERM. */
function signalOf(reason: string): NodeJS.Signals {
  return Object.hasOwn(constants.signals, reason) ? (reason as NodeJS.Signals) : 'SIGTERM';
}

/** How long a worker with the same options may take, in ms. */
function timeOfWorker(options: Readonly<ShutdownOptions>): number {
  const { readinessDelayMs, drainTimeoutMs, closeTimeoutMs, deadlineMs } = options;
  return Math.min(readinessDelayMs + drainTimeoutMs + closeTimeoutMs, deadlineMs);
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
