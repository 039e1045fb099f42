/**
 * Access and application logs, one structured line each, through winston
 * transports. It stands among the observers, below correlation, so that lines bear
 * the request's id, and above everything that refuses, so that refusals are seen.
 */
import {
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  type HealthReport,
  type Host,
  isPropagator,
  type Middleware,
  report,
  resolveOptions,
  type Stats,
} from '@org/core';

import { accessLevel, AccessLine, sampleMember } from './access-line.ts';
import { FaultListener } from './faults.ts';
import { Journal } from './journal.ts';
import { LevelTable, passes } from './level-table.ts';
import { INFO, LEVELS, type LevelInput, levelNumber } from './levels.ts';
import { isTerminal, lineTransport } from './line-transport.ts';
import { Logger, type LoggerShared } from './logger.ts';
import { LOGGING_CHECKS, LOGGING_DEFAULTS, type LoggingOptions } from './options.ts';
import type { Prettiness } from './outbox.ts';
import { Redaction, SECRET_KEYS, SECRET_PATTERNS } from './redaction.ts';
import { Renderer } from './render.ts';
import { RequestContext, type RequestLike } from './request-context.ts';
import { Tail } from './tail.ts';

/** Logging as a middleware, and as what applications log with. */
export interface Logging extends Middleware {
  /** The logger of a namespace, such as `db.pool`; without one, of the application. */
  logger(namespace?: string): Logger;
  /** A logger whose lines name this request, or the one that a job comes from, if it has one. */
  of(request: RequestLike | undefined, namespace?: string): Logger;
  /**
   * Sets the level of a namespace or family (`db`, `db.*`, `*`), for `forMs` ms if given.
   * @throws OptionError for an unknown level, a malformed pattern or an impossible time
   */
  setLevel(pattern: string, level: LevelInput, options?: { readonly forMs?: number }): void;
  /** Takes back what `setLevel` set. */
  resetLevel(pattern: string): void;
  /** Resolves once every transport has taken what was logged so far. */
  flush(): Promise<void>;
  /** Listens for faults from now on; `setup` calls it, and so does the first request where nobody has. */
  start(): void;
  stats(): Stats;
  /** Flushes and ends the transports; gives up, and counts what is lost, when `signal` aborts or after `stallMs`. */
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes logging.
 * @throws OptionError for options that it cannot work with
 */
export function logging(options?: Given<LoggingOptions>): Logging {
  const given = resolveOptions('logging', LOGGING_DEFAULTS, LOGGING_CHECKS, options);
  const { clock, skip, random, sampleRatio, slowMs, stallMs } = given;
  const redaction = new Redaction(
    [...(given.redactDefaults ? SECRET_KEYS : []), ...given.redactKeys],
    given.redactPaths,
    [...(given.redactDefaults ? SECRET_PATTERNS : []), ...given.redactPatterns],
  );
  const renderer = new Renderer(redaction);
  const table = new LevelTable(clock, given.level, given.levels);
  const journal = new Journal({
    clock,
    renderer,
    transports: given.transports ?? [lineTransport(process.stdout)],
    prettyFor: (transport) => prettiness(given.format, isTerminal(transport)),
    maxBufferBytes: given.maxBufferBytes,
    flushIntervalMs: given.flushIntervalMs,
    stallMs,
  });
  const context = new RequestContext(renderer, redaction);
  const access = new AccessLine(renderer, redaction, context, given.url);
  const matters = (exchange: Exchange): boolean =>
    exchange.aborted || exchange.res.statusCode >= 500 || exchange.durationMs >= slowMs;

  const tailLevel = levelNumber(given.tailLevel)!;
  const tail = new Tail(
    journal,
    { maxLines: given.tailMaxLines, maxBytes: given.tailMaxBytes },
    matters,
  );
  const shared: LoggerShared = {
    journal,
    table,
    context,
    tail: tailLevel < 0 ? undefined : tail,
    tailLevel,
    current: given.current,
    random,
    ratios: ratiosOf(given.sampleRatios),
    sampledOutTotal: 0,
  };
  const root = new Logger(shared, '', { ...given.fields });
  const rootOf = (namespace: string): Logger =>
    namespace === '' ? root : new Logger(shared, namespace, { ...given.fields });
  const faults = new FaultListener(rootOf('fault'));
  const fixed = renderer.members(given.fields);
  const sampled = sampleMember(sampleRatio);
  let accessTotal = 0;
  let closed = false;
  let begun = false;

  /** Under `setup` at its start; alone with the first request. */
  const begin = (): void => {
    begun = true;
    if (!closed) faults.start();
  };

  /** A decision that cannot be had is none: the line is written. */
  const isSkipped = (exchange: Exchange): boolean => {
    if (skip === undefined) return false;
    try {
      return skip(exchange);
    } catch (error) {
      report(error, 'logging skip', exchange);
      return false;
    }
  };

  const stages = defineStages({
    done(exchange) {
      const level = accessLevel(exchange);
      if (!passes(level, accessThreshold()) || isSkipped(exchange)) return;
      if (sampleRatio < 1 && !matters(exchange) && !isSampled(exchange, sampleRatio, random)) {
        shared.sampledOutTotal++;
        return;
      }
      accessTotal++;
      const extra = sampled === '' || matters(exchange) ? fixed : fixed + sampled;
      journal.write(journal.opening(level) + access.members(exchange, extra), level);
    },
  });

  let seenVersion = -1;
  let threshold = INFO;
  const accessThreshold = (): number => {
    if (seenVersion !== table.version) {
      threshold = table.thresholdOf('access');
      seenVersion = table.version;
    }
    return threshold;
  };

  const middleware = defineMiddleware({
    name: 'logging',
    phase: 'observe',
    priority: 10,
    reason: 'above everything that refuses, so that refusals are seen',
    step: given.access
      ? (exchange) => {
          if (!begun) begin();
          exchange.tap(stages);
        }
      : () => {
          if (!begun) begin();
        },
    attach(host: Host) {
      // Correlation knows whom the running code works for, if it has been asked to follow it.
      const propagator = host.components().find(isPropagator);
      if (propagator?.carries === true) shared.current ??= () => propagator.current();
    },
    start: begin,

    health(): HealthReport {
      const slow = journal.boxes.filter((box) => box.stalledForMs >= stallMs);
      const failing = journal.boxes.filter((box) => box.failing);
      const holes = journal.boxes.filter((box) => box.droppedSince > 0);
      if (slow.length + failing.length + holes.length === 0) return { status: 'pass' };
      const told = [
        ...failing.map(({ name, failedTotal }) => `${name} fails: ${failedTotal} lines were lost`),
        ...slow.map(({ name, stalledForMs }) => `${name} has taken nothing for ${stalledForMs} ms`),
        ...holes.map(({ name, droppedSince }) => `${name}: ${droppedSince} lines were dropped`),
      ];
      return { status: 'warn', detail: told.join('; ') };
    },

    stats(): Stats {
      const sum = (of: (box: (typeof journal.boxes)[number]) => number): number =>
        journal.boxes.reduce((total, box) => total + of(box), 0);
      return {
        writtenTotal: sum((box) => box.writtenTotal),
        droppedTotal: sum((box) => box.droppedTotal),
        failedTotal: sum((box) => box.failedTotal),
        bufferedLines: sum((box) => box.bufferedLines),
        bufferedBytes: sum((box) => box.bufferedBytes),
        accessTotal,
        redactedTotal: renderer.redactedTotal,
        sampledOutTotal: shared.sampledOutTotal,
        faultsTotal: faults.total,
        tailWrittenTotal: tail.writtenTotal,
        tailDiscardedTotal: tail.discardedTotal,
        tailKeptBytes: tail.keptBytes,
        levels: table.snapshot(),
        sinks: journal.boxes.map(({ name, droppedTotal, bufferedLines, stalledForMs }) => ({
          name,
          droppedTotal,
          bufferedLines,
          stalledForMs,
        })),
      };
    },

    close(signal) {
      closed = true;
      faults.stop();
      table.close();
      return journal.close(signal);
    },
  });

  return Object.assign(middleware, {
    logger: (namespace = ''): Logger => rootOf(namespace),
    of: (request: RequestLike | undefined, namespace = ''): Logger => rootOf(namespace).of(request),
    setLevel: (pattern: string, level: LevelInput, { forMs }: { readonly forMs?: number } = {}) =>
      table.set(pattern, level, forMs),
    resetLevel: (pattern: string): void => table.reset(pattern),
    flush: () => journal.flush(),
  }) as Logging;
}

/** By the trace where there is one, so that every service keeps the same requests. */
function isSampled(exchange: Exchange, ratio: number, random: () => number): boolean {
  const { trace } = exchange;
  return (
    (trace === undefined ? random() : Number.parseInt(trace.traceId.slice(-8), 16) / 2 ** 32) <
    ratio
  );
}

function ratiosOf(byLevel: Readonly<Record<string, number>>): readonly number[] {
  const ratios = LEVELS.map(() => 1);
  for (const [name, ratio] of Object.entries(byLevel)) ratios[levelNumber(name)!] = ratio;
  return ratios;
}

function prettiness(format: LoggingOptions['format'], terminal: boolean): Prettiness {
  if (format === 'json' || (format === 'auto' && !terminal)) return undefined;
  return terminal && (process.env['NO_COLOR'] ?? '') === '' ? 'colors' : 'plain';
}
