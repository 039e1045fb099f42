/**
 * The answers at the very edge: what a request's head alone decides is answered there, before
 * anything is spent on it. It stands behind health, shutdown and monitoring, which no rule of an
 * application may hide, and ahead of everything else. A request that nothing here concerns costs
 * a few comparisons.
 */
import type { Server } from 'node:http';
import {
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  Listeners,
  type Middleware,
  resolveOptions,
  type Stats,
} from '@org/core';

import { EARLY_RETURN_CHANNEL } from './events.ts';
import { Expectations } from './expectations.ts';
import { compileRouteAnswers } from './listed-routes.ts';
import { EDGE_CHECKS, EDGE_DEFAULTS, type EdgeOptions } from './options.ts';
import { isUnchanged, type Prepared } from './prepared.ts';
import { compileRefusals, type Refusal, refusalMaker, type Refused } from './refusals.ts';
import { type CompiledRule, compileRules } from './rules.ts';
import { DEFAULT_HEADERS, runSecure } from './security-headers.ts';
import { sendUnread } from './unread-body.ts';

/** The middleware, and what it can do for a server. */
export interface EarlyAnswers extends Middleware {
  /**
   * Answers `Expect: 100-continue` of this server only once a request has passed; call it before
   * the server accepts connections. Under a host it knows the servers already.
   */
  serve<S extends Server>(server: S): S;
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Makes the answers at the edge.
 * @throws OptionError for unknown or wrong options
 */
export function earlyAnswers(options?: Given<EdgeOptions>): EarlyAnswers {
  const settings = resolveOptions('early-return', EDGE_DEFAULTS, EDGE_CHECKS, options);
  const { secure } = settings;
  const headers = settings.headers ?? (secure === undefined ? DEFAULT_HEADERS : {});
  const refused = refusalMaker(headers);
  const refuse = compileRefusals(settings, refused);
  const findRule = compileRules(settings, headers);
  const routes = compileRouteAnswers(settings, headers, refused);
  const hasRoutesOnly = settings.routesOnly.length > 0;
  const listeners = new Listeners(EARLY_RETURN_CHANNEL, settings.onEvent, 'early-return onEvent');
  const expectations = new Expectations();
  const refusedTotal: Partial<Record<Refusal, number>> = {};
  let rulesTotal = 0;
  let optionsTotal = 0;
  let closed = false;

  function send(exchange: Exchange, answer: Prepared, closes: boolean): number {
    const { req } = exchange;
    if (secure !== undefined) runSecure(secure, exchange);
    const unchanged = isUnchanged(req, answer) ? answer.unchanged : undefined;
    const status = unchanged === undefined ? answer.status : 304;
    const fields = unchanged === undefined ? answer.headers : unchanged.headers;
    const body = unchanged === undefined ? answer.body : NOTHING;
    const isHeld = expectations.isHeld(req);
    sendUnread(exchange, status, fields, body, settings, isHeld ? 'sent-nothing' : closes);
    return status;
  }

  function answerRule(exchange: Exchange, { path, answer }: CompiledRule): typeof HANDLED {
    exchange.route = `${exchange.req.baseUrl}${path}`;
    const status = send(exchange, answer, false);
    rulesTotal++;
    if (listeners.listening) listeners.tell({ type: 'rule', path, status, exchange });
    return HANDLED;
  }

  function answerRefusal(exchange: Exchange, { reason, answer, closes }: Refused): typeof HANDLED {
    send(exchange, answer, closes);
    refusedTotal[reason] = (refusedTotal[reason] ?? 0) + 1;
    if (listeners.listening) {
      listeners.tell({ type: 'refused', reason, status: answer.status, exchange });
    }
    return HANDLED;
  }

  function answerOptions(exchange: Exchange, answer: Prepared): typeof HANDLED {
    const status = send(exchange, answer, false);
    optionsTotal++;
    if (listeners.listening) listeners.tell({ type: 'options', status, exchange });
    return HANDLED;
  }

  const middleware = defineMiddleware({
    name: 'early-return',
    phase: 'edge',
    // Behind the monitoring routes of a whole (90): an address is unknown only where nobody has it.
    priority: 95,
    reason: 'what a head alone decides is answered before anything is spent on it',
    step(exchange) {
      if (closed) return undefined;
      const { req } = exchange;
      const refusal = refuse(req);
      if (refusal !== undefined) return answerRefusal(exchange, refusal);
      const rule = findRule?.(req);
      if (rule !== undefined) return answerRule(exchange, rule);
      if (settings.options && req.method === 'OPTIONS') {
        const answer = routes.options(exchange);
        if (answer !== undefined) return answerOptions(exchange, answer);
      }
      if (hasRoutesOnly) {
        const unknown = routes.refuse(exchange);
        if (unknown !== undefined) return answerRefusal(exchange, unknown);
      }
      if (expectations.watching) expectations.go(req, exchange.res);
      return undefined;
    },
    attach(host) {
      host.onServer((server) => expectations.watch(server));
    },
    stats: (): Stats => ({ rulesTotal, optionsTotal, refusedTotal: { ...refusedTotal } }),
    close() {
      closed = true;
      expectations.release();
    },
  });

  return Object.assign(middleware, {
    serve<S extends Server>(server: S): S {
      expectations.watch(server);
      return server;
    },
  });
}
