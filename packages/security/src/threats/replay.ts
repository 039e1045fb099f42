/**
 * Runs requests of a log through a policy, and says what it would have done: so that a team
 * sees what it would refuse before it refuses anything.
 */
import type { Given } from '@org/core';

import { decodeUrl } from './decode-url.ts';
import type { Finding, Threat } from './finding.ts';
import { resolveThreatsOptions, type ThreatsOptions } from './options.ts';
import { policiesOf } from './policies.ts';
import type { HeaderValues } from './request-inspector.ts';

/** A request as a log has it. */
export interface LoggedRequest {
  readonly method?: string;
  /** Path and query. */
  readonly url: string;
  readonly headers?: HeaderValues;
  /** The body as text, or as a parser made it. */
  readonly body?: unknown;
}

/** How often a rule would have acted, and what it saw. */
export interface RuleReport {
  readonly rule: string;
  readonly threat: Threat;
  readonly count: number;
  /** Of the first requests: method, place and excerpt. */
  readonly examples: readonly string[];
}

/** What a policy would have done. */
export interface ReplayReport {
  readonly requests: number;
  readonly found: number;
  readonly refused: number;
  /** Lines that are no request. */
  readonly unreadable: number;
  readonly threats: Readonly<Partial<Record<Threat, number>>>;
  /** Requests found, by route: path segments that are numbers or ids stand as `:id`. */
  readonly routes: Readonly<Record<string, number>>;
  /** Most frequent first. */
  readonly rules: readonly RuleReport[];
}

const MAX_EXAMPLES = 3;
const MAX_ROUTES = 500;
const OTHER_ROUTES = '(others)';

/**
 * Replays the lines of a log, each a request as JSON.
 * @throws OptionError for unknown or wrong options
 */
export async function replay(
  lines: Iterable<string> | AsyncIterable<string>,
  options?: Given<ThreatsOptions>,
): Promise<ReplayReport> {
  const policyFor = policiesOf(resolveThreatsOptions(options));
  const totals = { requests: 0, found: 0, refused: 0, unreadable: 0 };
  const threats: Partial<Record<Threat, number>> = {};
  const routes = new Map<string, number>();
  const rules = new Map<string, { threat: Threat; count: number; examples: string[] }>();

  for await (const line of lines) {
    if (line.trim() === '') continue;
    const request = parse(line);
    if (request === undefined) {
      totals.unreadable++;
      continue;
    }
    totals.requests++;
    const path = request.url.replace(/[?#].*$/s, '');
    const policy = policyFor(path);
    if (policy === false) continue;
    const headers = lowerCase(request.headers ?? {});
    const findings = [
      ...policy.head(request.url, headers),
      ...policy.body(parsed(request.body, headers), undefined, contentTypeOf(headers)),
    ];
    if (findings.length === 0) continue;
    totals.found++;
    if (policy.mode === 'enforce') totals.refused++;
    for (const threat of new Set(findings.map((finding) => finding.threat))) {
      threats[threat] = (threats[threat] ?? 0) + 1;
    }
    const route = routeOf(path);
    const known = routes.has(route) || routes.size < MAX_ROUTES ? route : OTHER_ROUTES;
    routes.set(known, (routes.get(known) ?? 0) + 1);
    for (const finding of findings) countRule(rules, finding, request.method ?? 'GET', path);
  }
  return {
    ...totals,
    threats,
    routes: Object.fromEntries([...routes].toSorted(([, one], [, other]) => other - one)),
    rules: [...rules]
      .map(([rule, seen]) => ({ rule, ...seen }))
      .toSorted((one, other) => other.count - one.count),
  };
}

function parse(line: string): LoggedRequest | undefined {
  try {
    const request = JSON.parse(line) as LoggedRequest | null;
    return typeof request?.url === 'string' ? request : undefined;
  } catch {
    return undefined;
  }
}

function lowerCase(headers: HeaderValues): HeaderValues {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function contentTypeOf(headers: HeaderValues): string {
  const type = headers['content-type'];
  return typeof type === 'string' ? type : '';
}

/** The body as a parser would have made it, as far as it is JSON. */
function parsed(body: unknown, headers: HeaderValues): unknown {
  if (typeof body !== 'string' || !/[/+]json\b/i.test(contentTypeOf(headers))) return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}

/** A path with what differs from request to request taken out: there is no router here to ask. */
function routeOf(path: string): string {
  return decodeUrl(path)
    .slice(0, 200)
    .replace(/\/(?=[^/]*\d)[\da-fA-F-]{1,64}(?=\/|$)/g, '/:id')
    .replace(/[^\w./:-]/g, '·');
}

function countRule(
  rules: Map<string, { threat: Threat; count: number; examples: string[] }>,
  { rule, threat, place, excerpt }: Finding,
  method: string,
  path: string,
): void {
  let seen = rules.get(rule);
  if (seen === undefined) rules.set(rule, (seen = { threat, count: 0, examples: [] }));
  seen.count++;
  if (seen.examples.length < MAX_EXAMPLES) {
    seen.examples.push(`${method} ${routeOf(path)} ${place.part} ${place.name}: ${excerpt}`);
  }
}
