/**
 * What a report is asked for: a period in UTC, its steps, and a page of it. Everything that is
 * wrong with a query is told at once, with what would be right.
 */
import { nearest, ProblemError } from '@org/core';

import { decodeCursor, type Period } from './cursor.ts';
import {
  ceilTo,
  DAY_MS,
  finestAt,
  floorTo,
  HOUR_MS,
  MINUTE_MS,
  type Retention,
  type Tier,
  TIER_MS,
} from './tiers.ts';

export interface Query extends Period {
  readonly step: Tier;
  readonly limit: number;
  /** Where the page begins, as the page before said it. */
  readonly after: readonly (string | number)[] | undefined;
}

/** What may be asked of one report. */
export type Parameter = 'from' | 'to' | 'step' | 'limit' | 'cursor';

/** One thing that is wrong with a query. */
export interface Fault {
  readonly parameter: string;
  readonly detail: string;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** A day of minutes. */
const MAX_STEPS = 1440;
const STEPS: readonly Tier[] = Object.freeze(['minute', 'hour', 'day']);

/** A date, or a date and a time with its zone (RFC 3339 §5.6; seconds may be left out). */
const INSTANT =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

/**
 * Reads the query of a report.
 * @throws ProblemError `ERR_ANALYTICS_QUERY` naming every parameter that is unknown or wrong
 */
export function readQuery(
  report: string,
  known: readonly Parameter[],
  parameters: URLSearchParams,
  nowMs: number,
  retention: Retention,
): Query {
  const faults: Fault[] = [];
  const fault = (parameter: string, detail: string): undefined =>
    void faults.push({ parameter, detail });
  const given = single(known, parameters, fault);

  const cursor = given('cursor');
  const place = cursor === undefined ? undefined : decodeCursor(report, cursor);
  if (cursor !== undefined && place === undefined) {
    fault('cursor', 'is none of this report; follow "next" of a page, or leave it out');
  }
  if (cursor !== undefined && (given('from') ?? given('to')) !== undefined) {
    fault('cursor', 'has a period of its own; leave "from" and "to" out');
  }
  const limit = readLimit(given('limit'), fault);
  const { fromAt, toAt } = readPeriod(
    place?.fromAt ?? instant('from', given('from'), fault),
    place?.toAt ?? instant('to', given('to'), fault),
    nowMs,
    retention,
    fault,
  );
  const step = readStep(given('step'), { fromAt, toAt }, nowMs, retention, fault);
  if (faults.length > 0) throw wrongQuery(faults);
  const unit = (at: number): number => {
    const finest = finestAt(at, nowMs, retention);
    return TIER_MS[known.includes('step') ? coarser(step, finest) : finest];
  };
  return {
    fromAt: floorTo(fromAt, unit(fromAt)),
    toAt: ceilTo(toAt, unit(toAt)),
    step,
    limit,
    after: place?.after,
  };
}

/** A time as reports write it. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

type Report = (parameter: string, detail: string) => undefined;

/** Answers a parameter by its name; what is unknown or given twice is a fault. */
function single(
  known: readonly Parameter[],
  parameters: URLSearchParams,
  fault: Report,
): (name: Parameter) => string | undefined {
  for (const name of new Set(parameters.keys())) {
    if (!known.includes(name as Parameter)) {
      const guess = nearest(name, known);
      fault(
        name,
        guess === undefined
          ? `is unknown; there are ${known.join(', ')}`
          : `is unknown; did you mean "${guess}"?`,
      );
    } else if (parameters.getAll(name).length > 1) {
      fault(name, 'is given more than once');
    }
  }
  return (name) => (known.includes(name) ? (parameters.get(name) ?? undefined) : undefined);
}

function instant(name: Parameter, text: string | undefined, fault: Report): number | undefined {
  if (text === undefined) return undefined;
  const [, date] = INSTANT.exec(text) ?? [];
  const at = date === undefined ? Number.NaN : Date.parse(text);
  // A day that its month does not have is taken for one of the next month.
  if (Number.isNaN(at) || iso(Date.parse(date!)).slice(0, 10) !== date) {
    return fault(
      name,
      'must be a date (2026-01-31), or a date and a time with its zone (2026-01-31T09:30:00Z)',
    );
  }
  return at;
}

/** The period, without what is surely empty of it: what is not kept any more, and the future. */
function readPeriod(
  from: number | undefined,
  to: number | undefined,
  nowMs: number,
  retention: Retention,
  fault: Report,
): Period {
  const oldestAt = floorTo(nowMs - retention.day, DAY_MS);
  const endAt = floorTo(nowMs, MINUTE_MS) + MINUTE_MS;
  const toAt = Math.min(to ?? endAt, endAt);
  const fromAt = Math.max(from ?? toAt - DAY_MS, oldestAt);
  if (toAt <= oldestAt) {
    fault('to', `must be after ${iso(oldestAt)}: nothing from before is kept`);
  } else if (fromAt > nowMs) {
    fault('from', `lies in the future: it is ${iso(nowMs)} now`);
  } else if (fromAt >= toAt) {
    fault('from', `must be before "to", which is ${iso(toAt)}`);
  }
  return { fromAt, toAt };
}

function readLimit(text: string | undefined, fault: Report): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) {
    fault('limit', `must be a whole number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function readStep(
  text: string | undefined,
  { fromAt, toAt }: Period,
  nowMs: number,
  retention: Retention,
  fault: Report,
): Tier {
  const finest = finestAt(fromAt, nowMs, retention);
  if (text === undefined) return coarser(stepFor(toAt - fromAt), finest);
  if (!STEPS.includes(text as Tier)) {
    fault('step', `must be one of ${STEPS.join(', ')}`);
    return finest;
  }
  const step = text as Tier;
  if (coarser(step, finest) !== step) {
    fault('step', `of a ${step} is not kept for so long; ask for step=${finest}`);
  }
  const steps = (toAt - fromAt) / TIER_MS[step];
  if (steps > MAX_STEPS) {
    fault('step', `makes ${Math.ceil(steps)} steps, and there are ${MAX_STEPS} at most`);
  }
  return step;
}

/** A series of some tens to some hundreds of steps. */
function stepFor(lengthMs: number): Tier {
  if (lengthMs <= 3 * HOUR_MS) return 'minute';
  return lengthMs <= 8 * DAY_MS ? 'hour' : 'day';
}

function coarser(one: Tier, other: Tier): Tier {
  return TIER_MS[one] >= TIER_MS[other] ? one : other;
}

function sentence({ parameter, detail }: Fault): string {
  return `"${parameter}" ${detail}${detail.endsWith('?') ? '' : '.'}`;
}

/** The error of a query, with everything that is wrong with it. */
export function wrongQuery(faults: readonly Fault[]): ProblemError {
  return new ProblemError({
    code: 'ERR_ANALYTICS_QUERY',
    status: 400,
    detail: faults.map(sentence).join(' '),
    extensions: { errors: faults },
  });
}
