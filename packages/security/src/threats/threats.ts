/**
 * Inspects requests for threats. Two middlewares share one policy: the first looks at path,
 * query, headers and cookies among the protections, before anything is spent; the second at
 * the body, once a parser has made it, before anything uses it.
 */
import {
  addressOf,
  answerProblem,
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  Listeners,
  type Middleware,
  ProblemError,
  type Stats,
} from '@org/core';
import type { Request } from 'express';

import { THREATS_CHANNEL } from './events.ts';
import type { Finding } from './finding.ts';
import { resolveThreatsOptions, type ThreatsOptions } from './options.ts';
import { policiesOf, type Policy } from './policies.ts';
import { ThreatStatistics } from './statistics.ts';

/** `security:threats`, for the head of a request, and `security:threats-body`, for its body. */
export type Threats = readonly [Middleware, Middleware];

/** Makes the inspection. @throws OptionError for unknown or wrong options */
export function threats(options?: Given<ThreatsOptions>): Threats {
  const settings = resolveThreatsOptions(options);
  const { throwRefusals } = settings;
  const policyFor = policiesOf(settings);
  const listeners = new Listeners(THREATS_CHANNEL, settings.onEvent, 'threats onEvent');
  const heads = new ThreatStatistics();
  const bodies = new ThreatStatistics();
  let closed = false;

  function head(exchange: Exchange): void | typeof HANDLED {
    const policy = policyOf(exchange);
    if (policy === undefined) return undefined;
    const { req } = exchange;
    heads.inspectedTotal++;
    const findings = policy.head(req.originalUrl, req.headers);
    return findings.length === 0 ? undefined : conclude(exchange, policy, findings, heads);
  }

  function body(exchange: Exchange): void | typeof HANDLED {
    const { body: given, files, file } = exchange.req as WithFiles;
    if (given === undefined && files === undefined && file === undefined) return undefined;
    const policy = policyOf(exchange);
    if (policy === undefined) return undefined;
    bodies.inspectedTotal++;
    const mediaType = exchange.req.headers['content-type'] ?? '';
    const findings = policy.body(
      given,
      files ?? (file === undefined ? undefined : [file]),
      mediaType,
    );
    return findings.length === 0 ? undefined : conclude(exchange, policy, findings, bodies);
  }

  /** Nothing where nobody asks: for what the house asks itself, and routes that are left out. */
  function policyOf(exchange: Exchange): Policy | undefined {
    if (closed || exchange.internal) return undefined;
    const policy = policyFor(addressOf(exchange.req));
    return policy === false ? undefined : policy;
  }

  function conclude(
    exchange: Exchange,
    policy: Policy,
    findings: readonly Finding[],
    statistics: ThreatStatistics,
  ): void | typeof HANDLED {
    const refused = policy.mode === 'enforce';
    statistics.found(findings, refused);
    if (listeners.listening) listeners.tell({ type: 'threat', findings, refused, exchange });
    if (!refused) return undefined;
    const error = refusalOf(findings);
    if (throwRefusals) throw error;
    // For those who observe: it never reaches an error handler.
    exchange.error = error;
    answerProblem(exchange.res, error);
    return HANDLED;
  }

  const close = (): void => {
    closed = true;
  };
  return [
    defineMiddleware({
      name: 'security:threats',
      phase: 'protect',
      after: ['security:csrf'],
      reason: 'refuses attacks in line, headers and cookies before anything is spent on them',
      protects: true,
      step: head,
      stats: (): Stats => heads.snapshot(),
      close,
    }),
    defineMiddleware({
      name: 'security:threats-body',
      phase: 'read',
      // Parsers stand at the usual place.
      priority: 60,
      after: ['body'],
      before: ['idempotency', 'security:sanitise'],
      reason: 'behind the body parser, and ahead of whatever believes the body',
      protects: true,
      step: body,
      stats: (): Stats => bodies.snapshot(),
      close,
    }),
  ];
}

/** A request as multipart parsers leave it. */
type WithFiles = Request & { readonly files?: unknown; readonly file?: unknown };

/** What the client is told: that it was refused, and nothing of the rule. */
function refusalOf(findings: readonly Finding[]): ProblemError {
  const bomb = findings.every((finding) => finding.threat === 'bomb');
  const error = new ProblemError(
    bomb
      ? {
          code: 'ERR_TOO_COMPLEX',
          status: 400,
          detail: 'The request is nested deeper, or has more members or text, than is accepted.',
        }
      : {
          code: 'ERR_THREAT',
          status: 403,
          detail: 'The request was refused because it looks like an attack.',
        },
  );
  // Where it was made says nothing, and making the trace costs more than all the rest.
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
