/**
 * Shapes answers by declaration. It works on values, before they become text, so that length
 * and ETag are those of what is sent. It stands in the phase `shape`, around versioning: on
 * the way out what stands further down acts first, so that a client chooses among the members
 * that its version has; on the way in the route is known when the version is off the address.
 */
import {
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  type Middleware,
  routeTable,
  type Stats,
  stateKey,
} from '@org/core';

import { CompiledShape } from './compiled.ts';
import type { Chosen } from './fields.ts';
import { resolveTransformOptions, type TransformOptions } from './options.ts';

/** What is known of a request. */
interface Shaping {
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
      // What is answered before the choice was read, such as a refused version, has a shape too.
      const { shape, chosen } = exchange.getState(key) ?? {
        shape: find(exchange),
        chosen: undefined,
      };
      if (shape === undefined) return value;
      try {
        const shaped = shape.at(exchange.version).apply(value, exchange, kind, chosen);
        shapedTotal++;
        return shaped;
      } catch (error) {
        failedTotal++;
        throw error;
      }
    },
  });

  /** By the address as Express' routers have it: a spelling of it that they understand must not go round a redaction. */
  function find({ req }: Exchange): CompiledShape | undefined {
    const found = shapeOf(req.baseUrl + req.path) ?? general;
    return found === false ? undefined : found;
  }

  function read(exchange: Exchange): void {
    if (none) return;
    const shape = find(exchange);
    try {
      const chosen = shape?.at(exchange.version).choose(exchange);
      exchange.setState(key, { shape, chosen });
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
    reason: 'routes are known when versioning has taken the version off the address',
    step: read,
  });
  return [middleware, fields];
}
