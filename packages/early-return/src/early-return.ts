/** Both kinds of early answers, each in its place: at the edge, and behind what protects. */
import { type Given, type Middleware, resolveOptions } from '@org/core';

import { conditionalAnswers } from './conditional.ts';
import { type EarlyAnswers, earlyAnswers } from './edge.ts';
import {
  CONDITIONAL_DEFAULTS,
  EARLY_RETURN_CHECKS,
  EARLY_RETURN_DEFAULTS,
  EDGE_DEFAULTS,
  type EarlyReturnOptions,
} from './options.ts';

/**
 * Makes `early-return`, in the phase `edge`, and `early-return:conditional`, in the phase
 * `reuse`. Without options they answer only what cannot surprise: OPTIONS of listed routes, and
 * requests whose address or head is out of all measure.
 * @throws OptionError for unknown or wrong options
 */
export function earlyReturn(options?: Given<EarlyReturnOptions>): [EarlyAnswers, Middleware] {
  const settings = resolveOptions(
    'early-return',
    EARLY_RETURN_DEFAULTS,
    EARLY_RETURN_CHECKS,
    options,
  );
  // Express' own types ask for an array that could be changed; nobody can change this one.
  return Object.freeze([
    earlyAnswers(only(settings, EDGE_DEFAULTS)),
    conditionalAnswers(only(settings, CONDITIONAL_DEFAULTS)),
  ]) as [EarlyAnswers, Middleware];
}

/** The options of one part. */
function only<O extends object>(settings: O, part: O): Given<O> {
  const names = Object.keys(part) as (keyof O)[];
  return Object.fromEntries(names.map((name) => [name, settings[name]])) as Given<O>;
}
