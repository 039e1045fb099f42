/**
 * `route(description, handler)`: a plain Express handler that checks its requests before the
 * handler sees them, holds the answers to their description, and carries that description for the
 * document. Where it is mounted is the router's to say, and is never written twice.
 */
import { exchangeOf, type PartIssues, requestProblem, type RequestPart } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

import { answerCheck } from './answer-check.ts';
import { checkDescription, checkShared } from './description-checks.ts';
import {
  PARTS,
  type RouteDescription,
  type Sent,
  type SharedDescription,
  type Valid,
} from './description.ts';
import { checkExamples } from './examples.ts';
import { validatorOf } from './schema.ts';

/** A request that has passed: what the schemas made of it is at `valid`, and the rest stays as it came. */
export interface RouteRequest<D extends RouteDescription = RouteDescription> extends Omit<
  Request,
  'valid'
> {
  readonly valid: Valid<D>;
}

/** The work of a route, with its values typed by its schemas. */
export type RouteWork<D extends RouteDescription> = (
  req: RouteRequest<D>,
  res: Response<Sent<D>>,
  next: NextFunction,
) => unknown;

/** Where a handler carries its description; registered, so that two copies of this package agree. */
export const DESCRIPTION: unique symbol = Symbol.for('@org/openapi-route') as never;

/** A handler that can be mounted anywhere, and knows what it takes and answers. */
export interface RouteHandler extends RequestHandler {
  readonly [DESCRIPTION]: Readonly<RouteDescription>;
}

/** Makes handlers. @throws OptionError for a description that is wrong, or an example that its schema does not allow */
export type MakeRoute = <const D extends RouteDescription>(
  description: D,
  work: RouteWork<D>,
) => RouteHandler;

/** `MakeRoute` with defaults of its own, and the routes that it has made. */
export interface Routes extends MakeRoute {
  /** Every handler that was made: `drift` finds those that nobody has mounted. */
  readonly made: readonly RouteHandler[];
}

/** Routes are made while an app is assembled. Who makes more than this makes them for requests. */
const MAX_MADE = 10_000;

/** Makes a handler. @throws OptionError for a description that is wrong, or an example that its schema does not allow */
export const route: MakeRoute = (description, work) => makeRoute({}, description, work);

/**
 * A `route` whose descriptions begin with `defaults`, such as tags, security and problems; `problems`
 * add up. It remembers what it has made.
 * @throws OptionError for defaults that are wrong, or of one route alone
 */
export function routes(defaults?: SharedDescription): Routes {
  const shared = checkShared(defaults);
  const made: RouteHandler[] = [];
  const make: MakeRoute = (description, work) => {
    const handler = makeRoute(shared, description, work);
    if (made.length < MAX_MADE) made.push(handler);
    return handler;
  };
  return Object.assign(make, { made }) as Routes;
}

/** The description that a handler carries, if it is one of a route. */
export function descriptionOf(handler: unknown): Readonly<RouteDescription> | undefined {
  return (handler as Partial<RouteHandler> | undefined)?.[DESCRIPTION];
}

type Result = StandardSchemaV1.Result<unknown>;

function makeRoute<const D extends RouteDescription>(
  defaults: SharedDescription,
  given: D,
  work: RouteWork<D>,
): RouteHandler {
  const checked = checkDescription(defaults, given);
  const problems = [...(defaults.problems ?? []), ...(given.problems ?? [])];
  const description: Readonly<RouteDescription> = Object.freeze({ ...checked, problems });
  checkExamples('route', description);
  for (const [version, earlier] of Object.entries(description.earlier ?? {})) {
    checkExamples(`route, earlier "${version}"`, { ...description, examples: {}, ...earlier });
  }
  const { bodyStatus = 400 } = description;
  const parts = PARTS.filter((part) => description[part] !== undefined);
  const validators = parts.map((part) => validatorOf(description[part]!)['~standard']);
  const stages = answerCheck(description);
  const handle = work as unknown as RequestHandler;

  /** Runs the handler. */
  function go(
    req: Request,
    res: Response,
    next: NextFunction,
    results: readonly Result[],
  ): unknown {
    const values: Partial<Record<RequestPart, unknown>> = {};
    let wrong: PartIssues[] | undefined;
    for (let at = 0; at < parts.length; at++) {
      const result = results[at]!;
      const part = parts[at]!;
      if (result.issues === undefined) values[part] = result.value;
      else (wrong ??= []).push({ part, issues: result.issues });
    }
    if (wrong !== undefined) throw requestProblem(wrong, bodyStatus);
    (req as unknown as { valid: unknown }).valid = values;
    if (stages !== undefined) exchangeOf(req, res).tap(stages);
    return handle(req, res, next);
  }

  const handler: RequestHandler = (req, res, next) => {
    const results: Result[] = [];
    for (let at = 0; at < parts.length; at++) {
      const result = validators[at]!.validate(req[parts[at]!]);
      if (result instanceof Promise) return late(req, res, next, results, result);
      results.push(result);
    }
    // Express waits for what a handler answers, and takes its rejections (Express 5).
    return go(req, res, next, results);
  };
  // As Express' own layer list and stack traces show it.
  Object.defineProperty(handler, 'name', { value: 'route', configurable: true });

  /** Goes on where a schema takes its time. */
  async function late(
    req: Request,
    res: Response,
    next: NextFunction,
    results: Result[],
    pending: Promise<Result>,
  ): Promise<void> {
    results.push(await pending);
    for (let at = results.length; at < parts.length; at++) {
      results.push(await validators[at]!.validate(req[parts[at]!]));
    }
    // Somebody may have answered meanwhile, such as a deadline.
    if (!exchangeOf(req, res).abandoned) await go(req, res, next, results);
  }

  return Object.assign(handler, { [DESCRIPTION]: description });
}
