/**
 * Answers as data: rules by path and method, and the pings, favicon and robots.txt that are
 * rules in fewer words. Everything is compiled and prepared at construction; a request that no
 * rule concerns costs a look at the length of its path and one at each pattern.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { OptionError } from '@org/core';
import type { Request } from 'express';
import { pathToRegexp } from 'path-to-regexp';

import type { EdgeOptions } from './options.ts';
import { type HeaderValue, type Prepared, prepare } from './prepared.ts';

/** An answer, and when it is given. */
export interface EarlyRule {
  /** A path, compared exactly and without the query, or one of Express' path patterns, compared as Express does. */
  readonly path: string;
  /** One or several methods in upper case; `*` stands for all, and GET for HEAD as well. @default "GET" */
  readonly method?: string | readonly string[];
  /** From 200 to 599. @default 200 */
  readonly status?: number;
  /** Content-Length is not yours to state; a 200 without an ETag gets one. @default none */
  readonly headers?: Readonly<Record<string, HeaderValue>>;
  /** Text, bytes, or a value that is sent as JSON. @default none */
  readonly body?: unknown;
  /** Whether the rule applies to a request; what it throws goes to the error handlers. @default always */
  readonly when?: (req: Request) => boolean;
}

/** A rule that can be asked. */
export interface CompiledRule {
  readonly path: string;
  readonly answer: Prepared;
  /** Nothing: all methods. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly when: ((req: Request) => boolean) | undefined;
}

/** Finds the rule that answers a request. */
export type FindRule = (req: Request) => CompiledRule | undefined;

type Headers = Readonly<Record<string, string>>;

/** What makes a path a pattern for Express. */
const PATTERN = /[:*{}()[\]?+!\\]/;
const MEMBERS: ReadonlySet<string> = new Set([
  'path',
  'method',
  'status',
  'headers',
  'body',
  'when',
]);

/** The longest path that is looked up by its length. */
const MAX_LENGTH = 1024;

/**
 * Compiles the rules; nothing where there are none.
 * @throws OptionError naming the rule that is wrong
 */
export function compileRules(
  options: Readonly<EdgeOptions>,
  headers: Headers,
): FindRule | undefined {
  const given = [...options.rules.map(checked), ...shorthands(options)];
  if (given.length === 0) return undefined;
  const exact = new Map<string, CompiledRule[]>();
  const lengths = new Uint8Array(MAX_LENGTH + 1);
  const patterns: { readonly regexp: RegExp; readonly rule: CompiledRule }[] = [];
  for (const rule of given) {
    const compiled = compileRule(rule, headers);
    if (PATTERN.test(rule.path)) {
      patterns.push({ regexp: compilePattern(rule.path), rule: compiled });
    } else {
      exact.set(rule.path, [...(exact.get(rule.path) ?? []), compiled]);
      lengths[Math.min(rule.path.length, MAX_LENGTH)] = 1;
    }
  }
  return (req) => {
    const { url } = req;
    const query = url.indexOf('?');
    const end = query === -1 ? url.length : query;
    const isKnownLength = lengths[Math.min(end, MAX_LENGTH)] === 1;
    if (!isKnownLength && patterns.length === 0) return undefined;
    const path = query === -1 ? url : url.slice(0, query);
    const rules = isKnownLength ? exact.get(path) : undefined;
    if (rules !== undefined) {
      for (const rule of rules) if (applies(rule, req)) return rule;
    }
    for (const { regexp, rule } of patterns) {
      if (regexp.test(path) && applies(rule, req)) return rule;
    }
    return undefined;
  };
}

function applies({ methods, when }: CompiledRule, req: Request): boolean {
  return (methods === undefined || methods.has(req.method)) && (when === undefined || when(req));
}

/** Pings, favicon and robots.txt as the rules that they are. */
function shorthands({ pings, favicon, robots }: Readonly<EdgeOptions>): readonly EarlyRule[] {
  const aDay = { 'Cache-Control': 'public, max-age=86400' };
  const rules: EarlyRule[] = pings.map((path) => ({
    path,
    // Whoever pings wants to hear this process, and not a cache between.
    headers: { 'Cache-Control': 'no-store' },
    body: 'pong\n',
  }));
  if (favicon === true) rules.push({ path: '/favicon.ico', status: 204, headers: aDay });
  else if (favicon !== false) {
    const headers = { ...aDay, 'Content-Type': iconType(favicon) };
    rules.push({ path: '/favicon.ico', headers, body: favicon });
  }
  if (robots !== false) {
    // RFC 9309 §2.2.2: every robot, every path.
    const body = robots === true ? 'User-agent: *\nDisallow: /\n' : robots;
    rules.push({ path: '/robots.txt', headers: aDay, body });
  }
  return rules;
}

/** By the first bytes: a browser that is told not to guess shows no icon of a wrong type. */
function iconType(icon: Uint8Array): string {
  const start = Buffer.from(icon.subarray(0, 4)).toString('latin1');
  if (start === '\u0089PNG') return 'image/png';
  if (start === 'GIF8') return 'image/gif';
  if (start.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  return start.trimStart().startsWith('<') ? 'image/svg+xml' : 'image/x-icon';
}

function compileRule(rule: EarlyRule, headers: Headers): CompiledRule {
  const { path, method = 'GET', status = 200, when } = rule;
  const methods = new Set([method].flat());
  // RFC 9110 §9.3.2: HEAD is GET without the content.
  if (methods.has('GET')) methods.add('HEAD');
  const content = contentOf(rule.body);
  const type: Headers = content === undefined ? {} : { 'Content-Type': content.type };
  return {
    path,
    answer: prepare(status, [headers, type, rule.headers ?? {}], content?.bytes),
    methods: methods.has('*') ? undefined : methods,
    when,
  };
}

function contentOf(body: unknown): { readonly type: string; readonly bytes: Buffer } | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'string') {
    return { type: 'text/plain; charset=utf-8', bytes: Buffer.from(body) };
  }
  // A copy: the caller's bytes are the caller's.
  if (body instanceof Uint8Array) {
    return { type: 'application/octet-stream', bytes: Buffer.from(body) };
  }
  return { type: 'application/json; charset=utf-8', bytes: Buffer.from(JSON.stringify(body)) };
}

function compilePattern(path: string): RegExp {
  try {
    return pathToRegexp(path).regexp;
  } catch (error) {
    throw wrong(path, `its path is no path pattern of Express: ${(error as Error).message}`);
  }
}

/** A rule, looked at as options are. */
function checked(rule: EarlyRule): EarlyRule {
  const { path, method = 'GET', status = 200, headers = {}, body, when } = rule;
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new OptionError('early-return', ['each of "rules" needs a "path" that begins with "/".']);
  }
  const unknown = Object.keys(rule).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) {
    throw wrong(path, `"${unknown}" is unknown; there are ${[...MEMBERS].join(', ')}`);
  }
  const methods = [method].flat();
  if (methods.length === 0 || !methods.every((one) => /^(?:[A-Z-]+|\*)$/.test(one))) {
    throw wrong(path, '"method" must be one or several methods in upper case, or "*"');
  }
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw wrong(path, '"status" must be a whole number from 200 to 599');
  }
  // RFC 9110 §15.3.5, §15.3.6, §15.4.5.
  if (body !== undefined && [204, 205, 304].includes(status)) {
    throw wrong(path, `an answer with ${status} has no body`);
  }
  if (body !== undefined && JSON.stringify(body) === undefined) {
    throw wrong(path, '"body" must be text, bytes, or a value that JSON knows');
  }
  if (when !== undefined && typeof when !== 'function') {
    throw wrong(path, '"when" must be a function');
  }
  for (const [name, value] of Object.entries(headers)) checkHeader(path, name, value);
  return rule;
}

function checkHeader(path: string, name: string, value: HeaderValue): void {
  // The length is that of the body, and the connection is the server's.
  if (/^(?:content-length|transfer-encoding|connection|trailer)$/i.test(name)) {
    throw wrong(path, `"${name}" is not for a rule to state`);
  }
  if (![value].flat().every((line) => typeof line === 'string')) {
    throw wrong(path, `the header "${name}" must be text, or a list of texts`);
  }
  try {
    validateHeaderName(name);
    for (const line of [value].flat()) validateHeaderValue(name, line);
  } catch (error) {
    throw wrong(path, `a header is wrong: ${(error as Error).message}`);
  }
}

function wrong(path: string, what: string): OptionError {
  return new OptionError('early-return', [`rule "${path}": ${what}.`]);
}
