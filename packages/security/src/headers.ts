/**
 * Security headers by helmet. Nearly all of them are the same for every answer, so helmet is
 * asked once, at construction, and what it said is set on each response: ahead of whatever
 * answers or refuses, so that errors and hits of a cache carry them too, and so that a handler
 * can still change or remove one.
 */
import { randomBytes } from 'node:crypto';
import {
  defineMiddleware,
  type Exchange,
  type Given,
  type Middleware,
  OptionError,
  type Stats,
} from '@org/core';
import type { Request, Response } from 'express';
import helmet, { contentSecurityPolicy, type HelmetOptions } from 'helmet';
import { serializeDictionary } from 'structured-headers';

import { withNonce, withReportTo } from './content-policy.ts';
import { type HeadersOptions, PRESETS, resolveHeadersOptions } from './headers-options.ts';

type HelmetHandler = ReturnType<typeof helmet>;
type PolicyOptions = Exclude<HelmetOptions['contentSecurityPolicy'], boolean | undefined>;

/** What helmet does to every response alike. */
interface Learned {
  /** Names and values in turn. */
  readonly set: string[];
  readonly removed: string[];
}

const POLICY_NAMES: readonly string[] = [
  'Content-Security-Policy',
  'Content-Security-Policy-Report-Only',
];

const NONCE_BYTES = 16;

/** Makes the headers. @throws OptionError for unknown or wrong options, helmet's included */
export function headers(options?: Given<HeadersOptions>): Middleware {
  const { preset, nonce, reportingEndpoints, ...settings } = resolveHeadersOptions(options);
  const reportTo = settings.reportTo ?? Object.keys(reportingEndpoints)[0];
  const nonceIn = nonce === true ? ['script-src'] : nonce;
  const wanted = merged(PRESETS[preset], settings.helmet);
  const { set, removed, policyOf } = understand(() => {
    // A policy with functions in it is helmet's to make for each request.
    if (!hasFunctions(wanted)) return { ...learn(helmet(wanted)), policyOf: undefined };
    return {
      ...learn(helmet(merged(wanted, { contentSecurityPolicy: false }))),
      policyOf: contentSecurityPolicy(policyOptions(wanted)),
    };
  });
  const policyAt = set.findIndex((name) => POLICY_NAMES.includes(name));
  const policyName = policyAt === -1 ? policyNameOf(wanted) : set[policyAt]!;
  if (policyAt !== -1) set[policyAt + 1] = withReportTo(set[policyAt + 1]!, reportTo);
  if (reportTo !== undefined) {
    set.push('Reporting-Endpoints', serializeDictionary(dictionaryOf(reportingEndpoints)));
  }
  let noncesTotal = 0;
  let closed = false;

  function offerNonce(exchange: Exchange, directives: readonly string[]): void {
    const { res } = exchange;
    const offered = res.getHeader(policyName);
    let made: string | undefined;
    Object.defineProperty(res.locals, 'cspNonce', {
      configurable: true,
      enumerable: true,
      get(): string {
        if (made !== undefined) return made;
        made = randomBytes(NONCE_BYTES).toString('base64');
        noncesTotal++;
        // An answer with a nonce is for one reader: whoever would share it goes by this.
        void exchange.principal;
        const policy = res.getHeader(policyName);
        // A policy of the handler's own is the handler's to complete.
        if (!res.headersSent && typeof policy === 'string' && policy === offered) {
          res.setHeader(policyName, withNonce(policy, directives, made));
        }
        return made;
      },
    });
  }

  return defineMiddleware({
    name: 'security:headers',
    phase: 'protect',
    priority: 0,
    before: ['security:reputation', 'security:csrf'],
    reason: 'refusals and errors carry them too',
    step(exchange) {
      if (closed) return;
      const { req, res } = exchange;
      for (let at = 0; at < set.length; at += 2) res.setHeader(set[at]!, set[at + 1]!);
      for (const name of removed) if (res.hasHeader(name)) res.removeHeader(name);
      if (policyOf !== undefined) {
        run(policyOf, req, res);
        const policy = res.getHeader(policyName);
        if (typeof policy === 'string') res.setHeader(policyName, withReportTo(policy, reportTo));
      }
      if (nonceIn !== false) offerNonce(exchange, nonceIn);
    },
    stats: (): Stats => ({ noncesTotal }),
    close() {
      closed = true;
    },
  });
}

/** By `Object.assign`: of a spread the compiler would work out each of helmet's old names with each other. */
function merged(one: HelmetOptions, other: HelmetOptions): HelmetOptions {
  return Object.assign({} as HelmetOptions, one, other);
}

/** Helmet's own errors name the header and the fix; they come out as ours do. */
function understand<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new OptionError('security:headers', [`option "helmet": ${(error as Error).message}`]);
  }
}

/** Runs helmet once against a response that only listens. */
function learn(handler: HelmetHandler): Learned {
  const set: string[] = [];
  const removed: string[] = [];
  const listening = {
    setHeader: (name: string, value: string) => void set.push(name, value),
    // Node finds names in lower case sooner.
    removeHeader: (name: string) => void removed.push(name.toLowerCase()),
  };
  run(handler, {} as Request, listening as unknown as Response);
  return { set, removed };
}

function run(handler: HelmetHandler, req: Request, res: Response): void {
  handler(req, res, (error?: unknown) => {
    if (error !== undefined) throw error;
  });
}

function hasFunctions(wanted: HelmetOptions): boolean {
  return Object.values(policyOptions(wanted).directives ?? {}).some(
    (sources) =>
      typeof sources === 'object' &&
      sources !== null &&
      [...sources].some((source) => typeof source === 'function'),
  );
}

function policyOptions(wanted: HelmetOptions): PolicyOptions {
  const { contentSecurityPolicy: policy } = wanted;
  return typeof policy === 'object' ? policy : {};
}

function policyNameOf(wanted: HelmetOptions): string {
  return POLICY_NAMES[policyOptions(wanted).reportOnly === true ? 1 : 0]!;
}

function dictionaryOf(
  endpoints: Readonly<Record<string, string>>,
): Parameters<typeof serializeDictionary>[0] {
  return new Map(Object.entries(endpoints).map(([name, url]) => [name, [url, new Map()]]));
}
