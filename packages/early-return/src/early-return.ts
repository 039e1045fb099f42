/**
 * Answers that need no handler, given before anything is spent on them: rules as data,
 * OPTIONS from the list of routes, and refusals by the head alone. It stands first of all,
 * in the phase `edge`; what looks at a resource's version stands behind what protects.
 */
import {
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  type Middleware,
  type Stats,
  type StepResult,
} from '@org/core';

import { allowFinder } from './allow.ts';
import { conditionalOf } from './conditional.ts';
import { Counted, type Reason } from './events.ts';
import { type EarlyReturnOptions, resolveEarlyReturnOptions } from './options.ts';
import { Answers, type Prebuilt } from './prebuilt.ts';
import { Refusals } from './refusals.ts';
import { compileRules } from './rules.ts';

/**
 * Makes both parts, `early-return` and `early-return:conditional`.
 * @throws OptionError for unknown or wrong options
 */
export function earlyReturn(options?: Given<EarlyReturnOptions>): Middleware[] {
  const settings = resolveEarlyReturnOptions(options);
  const counted = new Counted(settings.onAnswer);
  const answers = new Answers(settings.headers, settings.secure);
  const ruleOf = compileRules(settings, answers);
  const refusals = new Refusals(settings, answers);
  const allowOf = settings.options ? allowFinder(settings.methods) : undefined;

  function answer(exchange: Exchange, reason: Reason, prebuilt: Prebuilt): typeof HANDLED {
    counted.count(reason, prebuilt.status, exchange);
    answers.send(exchange, prebuilt);
    return HANDLED;
  }

  function step(exchange: Exchange): StepResult {
    const { req } = exchange;
    const refusedHead = refusals.ofHead(exchange);
    if (refusedHead !== undefined) return answer(exchange, refusedHead.reason, refusedHead.answer);
    const rule = ruleOf(req);
    if (rule !== undefined) return answer(exchange, 'rule', rule);
    const refused = refusals.ofBody(exchange) ?? refusals.ofRoute(exchange);
    if (refused !== undefined) return answer(exchange, refused.reason, refused.answer);
    if (req.method !== 'OPTIONS' || allowOf === undefined) return undefined;
    const allow = allowOf(exchange);
    if (allow === undefined) return undefined;
    return answer(exchange, 'options', answers.make(204, { Allow: allow }, undefined));
  }

  return [
    defineMiddleware({
      name: 'early-return',
      phase: 'edge',
      priority: 20,
      reason: 'before anything is spent on what needs no handler',
      step,
      stats: (): Stats => ({ answeredTotal: { ...counted.totals } }),
    }),
    conditionalOf(settings.validators, counted),
  ];
}
