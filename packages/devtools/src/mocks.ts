/**
 * Answers for routes that have no handler yet, made from the schema of what they will answer. The
 * same request gets the same answer, as long as the seed is the same; a handler, once it is there,
 * answers itself.
 */
import { type Exchange, HANDLED, OptionError, stateKey } from '@org/core';
import type { Application } from 'express';

import { type MountedRoute, mountedRoutes, takes } from './route-list.ts';
import { type RouteKey, routeKey } from './route-key.ts';
import { type JsonSchema, Schema } from './schema.ts';
import { schemaValue } from './schema-value.ts';
import { seeded, seedOf } from './seeded.ts';

/** Something that says its JSON Schema, such as a schema of zod 4. */
export interface ToJsonSchema {
  toJSONSchema(): object;
}

/** What a mocked route answers: a JSON Schema (2020-12), or a schema of zod. */
export type MockSchema = JsonSchema | ToJsonSchema;

/** The header of an answer that was made from a schema. */
export const MOCK_ANSWER = 'X-Mock-Answer';

interface Mock {
  readonly key: RouteKey;
  readonly method: string;
  readonly schema: Schema;
  /** One answer that is valid, for a request whose own draws find none. */
  readonly known: unknown;
}

export class Mocks {
  private readonly mocks: readonly Mock[];
  private readonly seed: number;
  private readonly key = stateKey<true>('devtools mock');
  answeredTotal: number = 0;

  /** @throws OptionError for a route that is none, and for a schema that nothing can be made from */
  constructor(given: Readonly<Record<string, unknown>>, seed: number) {
    this.seed = seed;
    this.mocks = Object.entries(given).map(([text, schema]) => compileMock(text, schema, seed));
  }

  /** The routes that are answered from a schema, as long as an application has no handler for them. */
  routes(app: Application): readonly MountedRoute[] {
    const mounted = mountedRoutes(app);
    return this.mocks
      .filter((mock) => !isHandled(mock, mounted))
      .map(({ key, method }) => ({
        methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
        route: key.pattern,
      }));
  }

  /** Whether an exchange was answered from a schema. */
  hasAnswered(exchange: Exchange): boolean {
    return exchange.getState(this.key) === true;
  }

  /** Answers, where there is a schema and no handler. */
  answer(exchange: Exchange): typeof HANDLED | undefined {
    const { req, res } = exchange;
    const mock = this.mocks.find(({ key }) => key.matches(exchange));
    // Routes may be added at any time.
    if (mock === undefined || isHandled(mock, mountedRoutes(req.app))) return undefined;
    exchange.route = mock.key.pattern;
    exchange.setState(this.key, true);
    this.answeredTotal++;
    res.status(mock.method === 'POST' ? 201 : 200);
    // No cache may take it for the real one.
    res.set({ 'Cache-Control': 'no-store', [MOCK_ANSWER]: 'true' });
    res.json(this.valueFor(mock, req.originalUrl));
    return HANDLED;
  }

  private valueFor({ method, schema, known }: Mock, url: string): unknown {
    try {
      return schemaValue(schema, seeded(seedOf(this.seed, method, url)));
    } catch {
      // A schema that chance seldom meets.
      return known;
    }
  }
}

function isHandled({ key, method }: Mock, mounted: readonly MountedRoute[]): boolean {
  const pattern = anonymous(key.pattern);
  return mounted.some((one) => takes(one, method) && anonymous(one.route) === pattern);
}

/** What a parameter is called makes no other route of it. */
function anonymous(pattern: string): string {
  return pattern.replaceAll(/:\w+/g, ':').toLowerCase();
}

function compileMock(text: string, given: unknown, seed: number): Mock {
  const key = routeKey(text);
  const method = key.method ?? 'GET';
  const schema = Schema.compile(jsonSchemaOf(text, given), text);
  const known = anyValue(text, schema, seed);
  return { key: key.method === undefined ? routeKey(`GET ${text}`) : key, method, schema, known };
}

function anyValue(text: string, schema: Schema, seed: number): unknown {
  try {
    return schemaValue(schema, seeded(seed));
  } catch (error) {
    throw new OptionError('devtools', [
      `no answer of mock "${text}" can be made: ${(error as Error).message}.`,
    ]);
  }
}

function jsonSchemaOf(text: string, given: unknown): JsonSchema {
  if (typeof given === 'boolean') return given;
  if (typeof given === 'object' && given !== null) {
    const { toJSONSchema } = given as Partial<ToJsonSchema>;
    if (typeof toJSONSchema !== 'function') return given as JsonSchema;
    try {
      return toJSONSchema.call(given) as JsonSchema;
    } catch (error) {
      throw new OptionError('devtools', [
        `the schema of mock "${text}" cannot be told as JSON Schema: ${(error as Error).message}.`,
      ]);
    }
  }
  throw new OptionError('devtools', [
    `mock "${text}" must be a JSON Schema, or something with toJSONSchema().`,
  ]);
}
