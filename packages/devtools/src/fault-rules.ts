/**
 * What goes wrong on purpose, and for whom. Which of the requests that a rule is for it strikes is
 * drawn from the rule's seed: a run with the same requests in the same order fails the same way.
 */
import { type Exchange, MAX_DELAY_MS, OptionError, ProblemError } from '@org/core';

import { type RouteKey, routeKey } from './route-key.ts';
import { type Draw, seeded, seedOf } from './seeded.ts';

/**
 * A delay ahead of the handler; an answer in its place; the connection cut before any answer; no
 * answer at all; half of the answer, and then the connection cut.
 */
export type FaultKind =
  | { readonly delayMs: number }
  | { readonly status: number; readonly body?: unknown }
  | 'abort'
  | 'stall'
  | 'truncate';

/** A fault and the requests that it is for: all of them where nothing else is said. */
export interface FaultRule {
  readonly fault: FaultKind;
  /** `GET /api/hotels/:id`, or a path pattern for every method. @default all */
  readonly route?: string | undefined;
  /** A request header that must be there, `x-tenant`, or have a value, `x-tenant: acme`. @default none */
  readonly header?: string | undefined;
  /** How many of them it strikes, from 0 to 1. @default 1 */
  readonly share?: number | undefined;
  /** What its draws begin with. @default the option `seed` */
  readonly seed?: number | undefined;
}

/** A rule as it is shown, with what it has done. */
export interface FaultReport extends FaultRule {
  /** Requests that it was for. */
  readonly matchedTotal: number;
  readonly injectedTotal: number;
}

/** How many rules there may be. */
const MAX_RULES = 100;

const KNOWN: ReadonlySet<string> = new Set(['fault', 'route', 'header', 'share', 'seed']);

interface CompiledRule {
  readonly rule: FaultRule;
  readonly route: RouteKey | undefined;
  readonly header: { readonly name: string; readonly value: string | undefined } | undefined;
  readonly share: number;
  readonly draw: Draw;
  matchedTotal: number;
  injectedTotal: number;
}

/** Rules in the order in which they are asked. */
export class FaultPlan {
  private readonly rules: readonly CompiledRule[];

  /** @throws OptionError for rules that are none */
  constructor(rules: unknown, seed: number) {
    if (!Array.isArray(rules) || rules.length > MAX_RULES) {
      throw new OptionError('devtools', [`faults must be a list of at most ${MAX_RULES} rules.`]);
    }
    this.rules = rules.map((rule: unknown, at) => compileRule(rule, at, seed));
  }

  /** The fault for a request: that of the first rule that strikes it. */
  pick(exchange: Exchange): FaultKind | undefined {
    for (const one of this.rules) {
      if (!isFor(one, exchange)) continue;
      one.matchedTotal++;
      if (one.draw() >= one.share) continue;
      one.injectedTotal++;
      return one.rule.fault;
    }
    return undefined;
  }

  get size(): number {
    return this.rules.length;
  }

  report(): readonly FaultReport[] {
    return this.rules.map(({ rule, matchedTotal, injectedTotal }) => ({
      ...rule,
      matchedTotal,
      injectedTotal,
    }));
  }
}

/** What a fault is called in a header of the answer, and in a request that asks for it. */
export function faultLabel(fault: FaultKind): string {
  if (typeof fault === 'string') return fault;
  return 'delayMs' in fault ? `delay=${fault.delayMs}` : `status=${fault.status}`;
}

/**
 * The fault that a request asks for by its header: `delay=200` in ms, `status=503`, `abort`,
 * `stall` or `truncate`.
 * @throws ProblemError for any other text
 */
export function statedFault(text: string): FaultKind {
  const [, name, value] = /^\s*(\w+)(?:=(\d{1,10}))?\s*$/.exec(text) ?? [];
  const number = Number(value);
  const fault =
    name === 'delay' ? { delayMs: number } : name === 'status' ? { status: number } : name;
  if (!isFault(fault) || (typeof fault === 'string' && value !== undefined)) {
    throw new ProblemError({
      code: 'ERR_FAULT_INVALID',
      status: 400,
      detail: 'X-Fault must be delay=200 (in ms), status=503, abort, stall or truncate.',
    });
  }
  return fault;
}

function isFor({ route, header }: CompiledRule, exchange: Exchange): boolean {
  if (header !== undefined) {
    const value = exchange.req.headers[header.name];
    if (value === undefined) return false;
    if (header.value !== undefined && String(value) !== header.value) return false;
  }
  return route === undefined || route.matches(exchange);
}

function compileRule(given: unknown, at: number, seed: number): CompiledRule {
  const wrong = (what: string): OptionError =>
    new OptionError('devtools', [`fault rule ${at} ${what}.`]);
  if (typeof given !== 'object' || given === null) throw wrong('must be an object');
  const stranger = Object.keys(given).find((name) => !KNOWN.has(name));
  if (stranger !== undefined) {
    throw wrong(`has an unknown member "${stranger}"; there are ${[...KNOWN].join(', ')}`);
  }
  const rule = given as FaultRule;
  if (!isFault(rule.fault)) {
    throw wrong(
      'needs a fault: { delayMs }, { status, body } with a status from 200 to 599, "abort", "stall" or "truncate"',
    );
  }
  const { route, header, share = 1 } = rule;
  if (typeof share !== 'number' || !(share >= 0 && share <= 1)) {
    throw wrong('has a share that is not from 0 to 1');
  }
  if (rule.seed !== undefined && !Number.isSafeInteger(rule.seed)) {
    throw wrong('has a seed that is no whole number');
  }
  if (route !== undefined && typeof route !== 'string') throw wrong('has a route that is no text');
  return {
    rule: Object.freeze({ ...rule }),
    route: route === undefined ? undefined : routeKey(route),
    header: header === undefined ? undefined : headerOf(header, wrong),
    share,
    draw: seeded(seedOf(rule.seed ?? seed, at)),
    matchedTotal: 0,
    injectedTotal: 0,
  };
}

function headerOf(
  text: unknown,
  wrong: (what: string) => OptionError,
): { readonly name: string; readonly value: string | undefined } {
  // RFC 9110 §5.1: a field name is a token.
  const found =
    typeof text === 'string' ? /^([\w!#$%&'*+.^`|~-]+)(?:\s*:\s*(.*?))?\s*$/.exec(text) : null;
  if (found === null) throw wrong('has a header that is no "name" and no "name: value"');
  return { name: found[1]!.toLowerCase(), value: found[2] };
}

function isFault(fault: unknown): fault is FaultKind {
  if (typeof fault === 'string') return ['abort', 'stall', 'truncate'].includes(fault);
  if (typeof fault !== 'object' || fault === null) return false;
  const names = Object.keys(fault);
  const { delayMs, status } = fault as { delayMs?: unknown; status?: unknown };
  if (names.every((name) => name === 'delayMs')) return within(delayMs, 0, MAX_DELAY_MS);
  return (
    names.every((name) => name === 'status' || name === 'body') &&
    Number.isInteger(status) &&
    within(status, 200, 599)
  );
}

function within(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}
