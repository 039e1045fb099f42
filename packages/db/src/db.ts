/**
 * One interface to the database for each request, and a watch over the pool behind it. The session
 * stands in the phase `session`, behind all that refuses: no connection is taken for a request that
 * never reaches its handler. The pool's route stands at the edge.
 */
import {
  addressOf,
  defineMiddleware,
  defineStages,
  type Exchange,
  exchangeOf,
  type Given,
  type HealthReport,
  type Host,
  Listeners,
  type Middleware,
  monitoringRoutes,
  routeTable,
  stateKey,
  type Stats,
} from '@org/core';
import type { Request, RequestHandler } from 'express';

import { Engine } from './engine.ts';
import { databaseHealth } from './health.ts';
import { type DbOptions, resolveDbOptions } from './options.ts';
import { POOL_CHANNEL, type PoolEvent } from './pool-events.ts';
import { PoolWatch } from './pool-watch.ts';
import { postgres } from './postgres.ts';
import { RequestSession, type Session } from './session.ts';
import { type TransactionSettings, unitOfWorkSettings } from './transaction-options.ts';
import { endUnitOfWork } from './unit-of-work.ts';

/** The middlewares, and what handlers and jobs ask of the database. */
export type Db = Middleware[] & {
  /** The session of a request; made when it is asked for first. */
  readonly of: (from: Request | Exchange) => Session;
  /** A session of no request: for jobs, migrations and checks. */
  readonly session: () => Session;
  /**
   * Makes all that a route does one transaction; stands before its handler.
   * @throws OptionError for unknown or wrong settings
   */
  readonly unitOfWork: (settings?: Given<TransactionSettings>) => RequestHandler;
  readonly health: (signal: AbortSignal) => Promise<HealthReport>;
  readonly stats: () => Stats;
  /** Ends the pool that was made of an address; a pool or an instance of yours stays open. */
  readonly close: (signal?: AbortSignal) => Promise<void>;
};

/**
 * Makes the interface to one database. Nothing is connected before the first statement.
 * @throws OptionError for unknown or wrong options, and where neither `driver` nor `url` is given
 */
export function db(options?: Given<DbOptions>): Db {
  const settings = resolveDbOptions(options);
  const { name, clock, random, path, access, commitWhen, answer, cancelOnAbort } = settings;
  const driver = settings.driver ?? postgres({ url: settings.url!, max: settings.max });
  const watch = settings.monitorPool ? watchOf(settings) : undefined;
  const source = driver.open({ ...settings, clock, watch });
  const engine = new Engine({ ...settings, clock, random }, source);
  const unitFor = unitsOf(settings);
  const key = stateKey<RequestSession>(name);
  let host: Host | undefined;
  let closing: Promise<void> | undefined;

  const rules = { commitWhen, answer, host: () => host };
  const stages = defineStages({
    hold: (exchange) => endUnitOfWork(exchange, exchange.getState(key)!, rules),
    done(exchange) {
      const session = exchange.getState(key)!;
      const isGivenUp = exchange.aborted || exchange.abandoned;
      if (isGivenUp && cancelOnAbort) session.giveUp();
      // It was answered without a word, or not at all: nobody was told that it took effect.
      else if (session.whole?.isOpen === true) void session.whole.rollback();
    },
  });

  function open(exchange: Exchange): RequestSession {
    const session = new RequestSession(engine, exchange);
    const unit = unitFor(exchange);
    // Once the answer is on its way nobody would commit it any more.
    if (unit !== undefined && !exchange.res.headersSent) session.unite(unit);
    exchange.setState(key, session);
    if (!exchange.settled) exchange.tap(stages);
    else if (cancelOnAbort && (exchange.aborted || exchange.abandoned)) session.giveUp();
    return session;
  }

  const sessionOf = (from: Request | Exchange): RequestSession => {
    const exchange = 'setState' in from ? from : exchangeOf(from, from.res!);
    return exchange.getState(key) ?? open(exchange);
  };

  const health = (signal: AbortSignal): Promise<HealthReport> =>
    databaseHealth(engine, source, watch, clock, signal);
  const poolStats = (): Stats =>
    watch?.stats() ?? {
      capacity: source.capacity,
      size: source.size,
      idle: source.idle,
      waiting: source.waiting,
    };
  const stats = (): Stats => ({ driver: driver.name, pool: poolStats(), ...engine.stats() });
  const close = (signal?: AbortSignal): Promise<void> =>
    (closing ??= (async () => {
      watch?.close();
      await engine.close(signal);
    })());

  const session = defineMiddleware({
    name,
    phase: 'session',
    reason: 'behind all that refuses: no connection is taken for what never reaches its handler',
    // Everything happens when somebody asks for the session.
    step: () => undefined,
    attach: (given) => void (host = given),
    health,
    stats,
    close,
  });
  const middlewares = [session];
  if (watch !== undefined && path !== false) {
    const document = (): object => ({ ...stats(), leaks: watch.leaks });
    middlewares.unshift(
      defineMiddleware({
        name: `${name}:pool`,
        phase: 'edge',
        priority: 60,
        reason: 'when every request waits for the database, a look at its pool must not',
        step: monitoringRoutes({ [path]: { GET: document } }, access),
      }),
    );
  }

  return Object.assign(middlewares, {
    of: sessionOf,
    session: (): Session => new RequestSession(engine),
    unitOfWork(given?: Given<TransactionSettings>): RequestHandler {
      const unit = unitOfWorkSettings(given ?? true)!;
      return function unitOfWork(req, _res, next) {
        sessionOf(req).unite(unit);
        next();
      };
    },
    health,
    stats,
    close,
  });
}

function watchOf(settings: DbOptions): PoolWatch {
  const listeners = new Listeners<PoolEvent>(POOL_CHANNEL, settings.onPoolEvent, 'db onPoolEvent');
  return new PoolWatch({ ...settings, listeners });
}

/** Which requests are one transaction, and how it begins. */
function unitsOf(settings: DbOptions) {
  const forAll = unitOfWorkSettings(settings.unitOfWork);
  const byRoute = Object.entries(settings.routes).map(
    ([pattern, unit]) => [pattern, { unit: unitOfWorkSettings(unit) }] as const,
  );
  if (byRoute.length === 0) return () => forAll;
  const find = routeTable('db', Object.fromEntries(byRoute));
  return ({ req }: Exchange) => {
    const found = find(addressOf(req));
    return found === undefined ? forAll : found.unit;
  };
}
