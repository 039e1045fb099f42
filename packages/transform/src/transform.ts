/**
 * Shapes answers by declaration. It works on values, before they become text, so that length
 * and ETag are those of what is sent. It stands in the phase `shape`, around versioning: on
 * the way out what stands further down acts first, so that a client chooses among the members
 * that its version has; on the way in the route is known when the version is off the address.
 */
import {
  addressOf,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  type Middleware,
  routeTable,
  stateKey,
  type Stats,
} from '@org/core';

import { CompiledShape } from './compiled.ts';
import type { Chosen } from './fields.ts';
import { resolveTransformOptions, type TransformOptions } from './options.ts';

/** What is known of a request, as long as its address and its version are these. */
interface Shaping {
  readonly address: string;
  readonly version: string | undefined;
  /** Absent where the route has none. */
  readonly shape: CompiledShape | undefined;
  readonly chosen: Chosen | undefined;
}

/**
 * Makes two middlewares that share one state: `transform`, which shapes, and `transform:fields`,
 * which finds the shape of the route and reads what the client has chosen.
 * @throws OptionError for unknown or wrong options
 */
export function transform(options?: Given<TransformOptions>): [Middleware, Middleware] {
  const settings = resolveTransformOptions(options);
  const general =
    Object.keys(settings.shape).length === 0
      ? undefined
      : new CompiledShape(settings.shape, settings);
  const shapeOf = routeTable<CompiledShape | false>(
    'transform',
    Object.fromEntries(
      Object.entries(settings.routes).map(([pattern, shape]) => [
        pattern,
        shape === false ? false : new CompiledShape(shape, settings),
      ]),
    ),
  );
  const none = general === undefined && Object.keys(settings.routes).length === 0;
  const key = stateKey<Shaping>('transform');
  let shapedTotal = 0;
  let refusedTotal = 0;
  let failedTotal = 0;

  const stages = defineStages({
    transform(value, exchange, kind) {
      const isError = kind === 'problem' || exchange.res.statusCode >= 400;
      const { shape, chosen } = shapingOf(exchange, !isError);
      if (shape === undefined) return value;
      try {
        const shaped = shape.apply(value, exchange, kind, chosen);
        shapedTotal++;
        return shaped;
      } catch (error) {
        failedTotal++;
        throw error;
      }
    },
  });

  /**
   * By the address as Express' routers have it: a spelling of it that they understand must not go
   * round a redaction. Whoever changes address or version further down has the last word on both.
   */
  function shapingOf(exchange: Exchange, chooses: boolean): Shaping {
    const { req, version } = exchange;
    const address = addressOf(req);
    const known = exchange.getState(key);
    if (known?.address === address && known.version === version) return known;
    const found = shapeOf(address) ?? general;
    const shape = found === false ? undefined : found?.at(version);
    // An error says what is wrong, and not that a choice is, too.
    if (!chooses) return { address, version, shape, chosen: undefined };
    try {
      const shaping: Shaping = { address, version, shape, chosen: shape?.choose(exchange) };
      exchange.setState(key, shaping);
      return shaping;
    } catch (error) {
      refusedTotal++;
      throw error;
    }
  }

  const middleware = defineMiddleware({
    name: 'transform',
    phase: 'shape',
    before: ['versioning'],
    reason: 'on the way out it acts after versioning: clients choose among what their version has',
    step: (exchange) => {
      if (!none) exchange.tap(stages);
    },
    stats: (): Stats => ({ shapedTotal, failedTotal, refusedTotal }),
  });
  const fields = defineMiddleware({
    name: 'transform:fields',
    phase: 'shape',
    after: ['transform', 'versioning'],
    reason: 'routes and choices are those of a version: a bad choice is refused before it costs',
    step: (exchange) => {
      if (!none) shapingOf(exchange, true);
    },
  });
  return [middleware, fields];
}
