/**
 * Tools for development, and for nothing else: every exchange with its waterfall, replays with what
 * they changed, faults on purpose, answers for handlers that are not there yet. Its routes stand at
 * the edge; it watches among the observers; what it breaks and makes up stands where only real work
 * comes, so that the protections are tried as they are.
 */
import {
  defineMiddleware,
  type Exchange,
  type Given,
  type Middleware,
  monitoringGuard,
  type Stats,
} from '@org/core';

import { MOMENTARY_HEADERS } from './answer-diff.ts';
import { deskRoutes } from './desk.ts';
import { defaultFile, ExchangeFile } from './exchange-file.ts';
import { type ExchangeRecord, summaryOf } from './exchange-record.ts';
import { type FaultKind, FaultPlan, statedFault } from './fault-rules.ts';
import { Injector } from './injector.ts';
import { Inspector, type Seen } from './inspector.ts';
import { KeptExchanges } from './kept-exchanges.ts';
import { Live } from './live.ts';
import { Mocks } from './mocks.ts';
import { type DevtoolsOptions, resolveDevtoolsOptions } from './options.ts';
import { Redaction } from './redaction.ts';
import { isReplayed } from './replay-marks.ts';
import { Replays } from './replays.ts';
import { RouteCounts, routeReports } from './route-list.ts';

/** The header by which an authorised caller asks for a fault of this one request. */
export const FAULT_HEADER = 'x-fault';

/**
 * Makes the tools: middlewares for three places in the order, which share one state.
 * @throws OptionError for options that it cannot work with, and where NODE_ENV is "production"
 */
export function devtools(options?: Given<DevtoolsOptions>): Middleware[] {
  const settings = resolveDevtoolsOptions(options);
  const { access, clock, maxBodyBytes, maxKeptBytes, path, persist, seed } = settings;
  const isAuthorised = monitoringGuard(access);
  const redaction = new Redaction(settings.redact);
  const exchanges = new KeptExchanges(settings.maxExchanges, maxKeptBytes);
  const counts = new RouteCounts();
  const injector = new Injector(clock);
  const mocks = new Mocks(settings.mocks, seed);
  let plan = new FaultPlan(settings.faults, seed);
  let closed = false;
  let seenTotal = 0;

  const file =
    persist === false
      ? undefined
      : new ExchangeFile(persist === true ? defaultFile() : persist, maxKeptBytes, clock, () =>
          exchanges
            .all()
            .map(({ record }) => record)
            .toReversed(),
        );
  exchanges.restore(file?.read() ?? []);

  const inspector = new Inspector({
    maxBodyBytes,
    repeatedStatements: settings.repeatedStatements,
    redaction,
    faultOf: (exchange) => injector.injectedInto(exchange),
    isMocked: (exchange) => mocks.hasAnswered(exchange),
  });
  const live = new Live(settings.maxTabs, clock);

  const show = (record: ExchangeRecord): void => {
    file?.touch();
    live.send('exchange', summaryOf(record));
  };

  const keep = (seen: Seen): void => {
    if (closed) return;
    seenTotal++;
    const record = exchanges.add(seen);
    counts.add(record);
    show(record);
  };

  const replays = new Replays({
    exchanges,
    inspector,
    rules: {
      ignoreHeaders: new Set([
        ...MOMENTARY_HEADERS,
        ...settings.ignoreHeaders.map((name) => name.toLowerCase()),
      ]),
      volatile: settings.volatile,
    },
    timeoutMs: settings.replayTimeoutMs,
    clock,
    onReplay: show,
  });

  /** What an authorised caller asks for goes before the rules. @throws ProblemError for what is no fault */
  const faultFor = (exchange: Exchange): FaultKind | undefined => {
    const { req } = exchange;
    const stated = req.headers[FAULT_HEADER];
    if (typeof stated === 'string' && isAuthorised(req)) return statedFault(stated);
    return plan.size === 0 ? undefined : plan.pick(exchange);
  };

  /** Lets go of what would hold up the end of the service. */
  const letGo = (): void => {
    replays.close();
    injector.close();
    live.close();
  };

  const desk = defineMiddleware({
    name: 'devtools',
    phase: 'edge',
    priority: 80,
    heavy: true,
    reason: 'shows what happened to developers, whatever has been broken below',
    step: passing(
      deskRoutes(path, access, {
        exchanges,
        replays,
        live,
        clear() {
          exchanges.clear();
          file?.touch();
          live.send('cleared', {});
        },
        routes: (app) => routeReports(app, mocks.routes(app), counts),
        faults: () => plan.report(),
        setFaults(rules) {
          plan = new FaultPlan(rules, seed);
        },
      }),
    ),
    attach(whole) {
      whole.onDrain(letGo);
      inspector.attach(whole);
      replays.attach(whole);
    },
    stats: (): Stats => ({
      kept: exchanges.size,
      keptBytes: exchanges.bytes,
      seenTotal,
      droppedTotal: exchanges.droppedTotal,
      tabs: live.size,
      replayedTotal: replays.replayedTotal,
      changedTotal: replays.changedTotal,
      faultRules: plan.size,
      heldBack: injector.heldCount,
      injectedTotal: injector.injectedTotal,
      skippedTotal: injector.skippedTotal,
      mockedTotal: mocks.answeredTotal,
    }),
    close() {
      if (closed) return;
      closed = true;
      letGo();
      inspector.close();
      file?.close();
    },
  });

  const inspect = defineMiddleware({
    name: 'devtools:inspect',
    phase: 'observe',
    priority: 10,
    heavy: true,
    reason: 'sees what is refused too, and the time of all that follows',
    step: passing((exchange) => {
      replays.through(exchange.req.app);
      inspector.see(exchange, keep);
      return undefined;
    }),
  });

  const fault = defineMiddleware({
    name: 'devtools:faults',
    phase: 'admit',
    priority: 90,
    heavy: true,
    reason: 'breaks what a handler would answer; the protections above are real',
    step: passing((exchange) => {
      if (isReplayed(exchange) || exchange.internal) return undefined;
      const kind = faultFor(exchange);
      return kind === undefined ? undefined : injector.inject(exchange, kind);
    }),
  });

  const mock = defineMiddleware({
    name: 'devtools:mocks',
    phase: 'admit',
    priority: 91,
    after: ['devtools:faults'],
    heavy: true,
    reason: 'answers in place of handlers that are not there yet',
    step: passing((exchange) => mocks.answer(exchange)),
  });

  /** A step that does nothing once all is closed. */
  function passing(step: NonNullable<Middleware['step']>): NonNullable<Middleware['step']> {
    return (exchange) => (closed ? undefined : step(exchange));
  }

  return [desk, inspect, fault, mock];
}
