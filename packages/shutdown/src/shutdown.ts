/**
 * `shutdown` ends a service without losing a request: readiness goes down, the
 * balancer turns away, connections end with their last answer, then the components
 * close, in order and within their time. It stands at the edge, where every answer
 * passes, to have the last word on `Connection` while it drains; until then it
 * costs a comparison.
 */
import { setMaxListeners } from 'node:events';
import type { Server } from 'node:net';
import {
  callHook,
  defineMiddleware,
  defineStages,
  type Given,
  type Host,
  type Middleware,
  report as reportFault,
  type Stats,
} from '@org/core';

import { Connections } from './connections.ts';
import { shutdownOptions, type ShutdownOptions } from './options.ts';
import { runSequence } from './sequence.ts';
import type { ShutdownPhase, ShutdownReport } from './shutdown-report.ts';

/** The gate, and what ends the service behind it. */
export interface Shutdown extends Middleware {
  /** Begins to listen to the signals. Idempotent; a host calls it. */
  start(): void;
  /** Takes a server under its care; call it before the server accepts connections. Under a host it knows them already. */
  serve<S extends Server>(server: S): S;
  /** Ends the service, and with `exit` the process. All callers get the same report. @default reason "shutdown()" */
  shutdown(reason?: string): Promise<ShutdownReport>;
  /** Whether the shutdown has begun: readiness is down. */
  readonly draining: boolean;
  /** Aborts when the shutdown begins; streams without an end of their own may listen to it. */
  readonly signal: AbortSignal;
  stats(): Stats;
  /** Lets go of signals and servers without ending anything. Idempotent. */
  close(): void;
}

/**
 * A signal that comes again within this time is still the first: systemd sends it to a
 * cluster's workers as the primary does, and `npm run` passes on what the terminal has sent.
 */
const SAME_SIGNAL_MS = 500;

/** Makes a shutdown. Signals are heard from `start()` on. @throws OptionError */
export function shutdown(given?: Given<ShutdownOptions>): Shutdown {
  const options = shutdownOptions(given);
  const { clock } = options;
  const servers = new Map<Server, Connections>();
  const begun = new AbortController();
  // Every stream without an end of its own listens, and Node takes more than ten for a leak.
  setMaxListeners(Infinity, begun.signal);
  const forced = new AbortController();
  const signals = new Map<NodeJS.Signals, () => void>();
  let host: Host | undefined;
  let phase: ShutdownPhase | 'serving' = 'serving';
  let lastAnswers = false;
  let first: { readonly name: NodeJS.Signals; readonly atMs: number } | undefined;
  let underWay: Promise<ShutdownReport> | undefined;

  const lastWord = defineStages({
    head: (head, { req }) => {
      if (req.httpVersionMajor === 1) head.set('Connection', 'close');
    },
  });

  const serve = <S extends Server>(server: S): S => {
    if (servers.has(server)) return server;
    const connections = new Connections(server, () => clock.monotonicMs());
    servers.set(server, connections);
    server.once('close', () => {
      if (underWay !== undefined) return;
      connections.release();
      servers.delete(server);
    });
    return server;
  };

  const begin = (reason: string): Promise<ShutdownReport> => (underWay ??= run(reason));

  async function run(reason: string): Promise<ShutdownReport> {
    begun.abort(new Error(`The service is shutting down: ${reason}.`));
    const enter = (next: ShutdownPhase): void => {
      phase = next;
      lastAnswers = next !== 'readiness';
      callHook(() => options.onPhase?.(next, reason), 'shutdown onPhase');
    };
    const service = { options, host, servers, forced: forced.signal, enter };
    let report: ShutdownReport;
    try {
      report = await runSequence(service, reason);
      enter('closed');
      callHook(() => options.onReport?.(report), 'shutdown onReport');
    } finally {
      release();
    }
    // oxlint-disable-next-line unicorn/no-process-exit, node/no-process-exit
    if (options.exit) process.exit(report.exitCode);
    return report;
  }

  function onSignal(name: NodeJS.Signals): void {
    const atMs = clock.monotonicMs();
    first ??= { name, atMs };
    if (name !== first.name || atMs - first.atMs >= SAME_SIGNAL_MS) forced.abort(name);
    begin(name).catch((error: unknown) => {
      // Whatever broke, the signal is to end the process.
      reportFault(error, 'shutdown');
      // oxlint-disable-next-line unicorn/no-process-exit, node/no-process-exit
      if (options.exit) process.exit(1);
    });
  }

  function release(): void {
    for (const [name, listener] of signals) process.off(name, listener);
    signals.clear();
    for (const connections of servers.values()) connections.release();
    servers.clear();
  }

  const total = (count: (one: Connections) => number): number =>
    [...servers.values()].reduce((sum, one) => sum + count(one), 0);

  const gate = defineMiddleware({
    name: 'shutdown',
    phase: 'edge',
    priority: 5,
    reason: 'has the last word on the connection of every answer',
    step(exchange) {
      if (lastAnswers) exchange.tap(lastWord);
    },
    attach(whole: Host) {
      host = whole;
      whole.onServer((server) => void serve(server));
    },
    start() {
      for (const name of options.signals) {
        if (signals.has(name)) continue;
        const listener = (): void => onSignal(name);
        signals.set(name, listener);
        process.on(name, listener);
      }
    },
    health: () =>
      begun.signal.aborted
        ? { status: 'warn', detail: `shutting down (${phase})` }
        : { status: 'pass' },
    stats: (): Stats => ({
      phase,
      servers: servers.size,
      connections: total((one) => one.size),
      requestsInFlight: total((one) => [...one.requests(options.idleGraceMs)].length),
      webSockets: total((one) => one.webSockets.size),
      lateRequestsTotal: total((one) => one.lateRequestsTotal),
    }),
    close() {
      // The whole that this shutdown closes closes it too; it lets go when it is done.
      if (underWay === undefined) release();
    },
  });

  return Object.defineProperties(
    Object.assign(gate, { serve, shutdown: (reason = 'shutdown()') => begin(reason) }),
    {
      draining: { get: () => begun.signal.aborted, enumerable: true },
      signal: { value: begun.signal, enumerable: true },
    },
  ) as Shutdown;
}
