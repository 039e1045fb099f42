/**
 * Shapes answers by declaration. It works on values, before they become text, so that length
 * and ETag are those of what is sent. It stands in the phase `shape`, before versioning: on
 * the way out what stands further down acts first, and a client chooses among the members
 * that its version has.
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
  readonly shape: CompiledShape;
  /** What the client has chosen, by the shape that was read by. */
  readonly chosen: Chosen | undefined;
}

/** Makes the middleware. @throws OptionError for unknown or wrong options */
export function transform(options?: Given<TransformOptions>): Middleware {
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

  const stages = defineStages({
    transform(value, exchange, kind) {
      const { shape, chosen } = exchange.getState(key)!;
      shapedTotal++;
      // The version is known by now.
      return shape.at(exchange.version).apply(value, exchange, kind, chosen);
    },
  });

  function step(exchange: Exchange): void {
    if (none) return;
    const shape = shapeOf(exchange.req.originalUrl) ?? general;
    if (shape === undefined || shape === false) return;
    let chosen: Chosen | undefined;
    try {
      chosen = shape.choose(exchange);
    } catch (error) {
      refusedTotal++;
      throw error;
    }
    exchange.setState(key, { shape, chosen });
    exchange.tap(stages);
  }

  return defineMiddleware({
    name: 'transform',
    phase: 'shape',
    before: ['versioning'],
    reason: 'on the way out it acts after versioning: clients choose among what their version has',
    step,
    stats: (): Stats => ({ shapedTotal, refusedTotal }),
  });
}
