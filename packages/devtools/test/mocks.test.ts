import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { devtools, type JsonSchema } from '@org/devtools';
import { z } from 'zod';

import { Schema } from '../src/schema.ts';
import { schemaValue } from '../src/schema-value.ts';
import { seeded } from '../src/seeded.ts';
import { closeTools, post, startTools } from './tools.ts';

afterEach(closeTools);

const hotel = z.object({
  id: z.uuid(),
  name: z.string().min(3).max(40),
  stars: z.int().min(1).max(5),
  email: z.email(),
  price: z.number().positive(),
  opened: z.iso.date(),
  tags: z.array(z.string()).max(3),
  owner: z.object({ name: z.string() }).nullable(),
  labels: z.record(z.string(), z.number()),
  kind: z.enum(['inn', 'resort']),
});

describe('a mocked route', () => {
  it('answers from its schema until there is a handler', async () => {
    const { url, app, newest } = await startTools({
      whole: [],
      options: { mocks: { 'GET /hotels/:id': hotel, 'POST /hotels': { const: { made: true } } } },
      routes: () => undefined,
    });
    const answer = await fetch(`${url}/hotels/7`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-mock-answer')).toBe('true');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const body = await answer.json();
    expect(hotel.parse(body)).toEqual(body);
    expect(await newest(1)).toMatchObject({ mocked: true, route: '/hotels/:id' });
    expect((await fetch(`${url}/hotels`, post({}))).status).toBe(201);
    expect((await fetch(`${url}/hotels`)).status).toBe(404);
    expect((await fetch(`${url}/hotels/7`, { method: 'HEAD' })).status).toBe(200);
    app.get('/hotels/:hotel', (_req, res) => void res.json({ real: true }));
    expect(await (await fetch(`${url}/hotels/7`)).json()).toEqual({ real: true });
  });

  it('answers the same request alike, another one and another seed not', async () => {
    const bodyOf = async (seed: number, path: string): Promise<string> => {
      const { url } = await startTools({
        whole: [],
        options: { seed, mocks: { 'GET /hotels/:id': hotel } },
        routes: () => undefined,
      });
      return (await fetch(url + path)).text();
    };
    const first = await bodyOf(1, '/hotels/7');
    expect(await bodyOf(1, '/hotels/7')).toBe(first);
    expect(await bodyOf(1, '/hotels/8')).not.toBe(first);
    expect(await bodyOf(2, '/hotels/7')).not.toBe(first);
  });

  it.each<[string, unknown, string]>([
    ['a keyword that is not known', { unevaluatedProperties: false }, '"unevaluatedProperties"'],
    ['a reference that leads nowhere', { $ref: '#/$defs/none' }, 'has no "#/$defs/none"'],
    [
      'a reference to elsewhere',
      { $ref: 'https://example.com/x' },
      'has no "https://example.com/x"',
    ],
    ['nothing that it allows', { type: 'string', not: {} }, 'no answer of mock'],
    ['nothing at all', false, 'allows nothing'],
    ['no end', { properties: { a: { $ref: '#' } }, required: ['a'] }, 'no answer of mock'],
    ['itself alone', { $ref: '#' }, 'refers to itself'],
    ['what is no schema', { items: 7 }, 'no schema'.slice(0, 2)],
    ['a pattern that is none', { pattern: '(' }, 'pattern that is none'],
  ])('is refused for a schema with %s', (_what, schema, message) => {
    expect(() => devtools({ mocks: { '/x': schema as JsonSchema } })).toThrow(message);
  });

  it('is refused for what is no route, and for no schema', () => {
    expect(() => devtools({ mocks: { hotels: {} } })).toThrow('must be a path pattern');
    expect(() => devtools({ mocks: { '/hotels': 7 as never } })).toThrow('"mocks" must be');
    expect(() => devtools({ mocks: { '/x': z.transform(String) as never } })).toThrow(
      'cannot be told as JSON Schema',
    );
  });
});

const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** What ajv finds wrong with a value that was made of a schema. */
function faultsOf(schema: JsonSchema, seed: number): unknown {
  const value = schemaValue(Schema.compile(schema, 'test'), seeded(seed));
  const isValid = ajv.compile(schema);
  return isValid(value) ? [] : [value, isValid.errors];
}

describe('what is made of a schema', () => {
  it.each<[string, JsonSchema]>([
    [
      'references and recursion',
      {
        $ref: '#/$defs/tree',
        $defs: {
          tree: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              children: { type: 'array', items: { $ref: '#/$defs/tree' } },
            },
            required: ['name', 'children'],
          },
        },
      },
    ],
    [
      'anchors',
      { type: 'array', items: { $ref: '#one' }, $defs: { a: { $anchor: 'one', type: 'integer' } } },
    ],
    [
      'allOf',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'number', minimum: 2 } }, required: ['a'] },
          { properties: { a: { maximum: 3 }, b: { type: 'null' } }, required: ['b'] },
        ],
      },
    ],
    [
      'oneOf',
      {
        oneOf: [
          { type: 'integer', multipleOf: 3 },
          { type: 'integer', multipleOf: 5 },
        ],
      },
    ],
    [
      'anyOf in itself',
      { anyOf: [{ type: 'null' }, { type: 'array', minItems: 1, items: { $ref: '#' } }] },
    ],
    ['not', { type: 'integer', minimum: 0, maximum: 3, not: { enum: [0, 1] } }],
    [
      'if, then and else',
      {
        type: 'object',
        properties: { kind: { enum: ['a', 'b'] }, n: { type: 'integer' } },
        required: ['kind'],
        if: { properties: { kind: { const: 'a' } } },
        // oxlint-disable-next-line unicorn/no-thenable
        then: { required: ['n'] },
        else: { not: { required: ['n'] } },
      },
    ],
    ['bounds that exclude', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.005 }],
    ['negative numbers', { type: 'integer', maximum: -7 }],
    ['multiples of a fraction', { type: 'number', multipleOf: 0.25, minimum: 10 }],
    ['lengths', { type: 'string', minLength: 50, maxLength: 60 }],
    ['patterns', { type: 'string', pattern: '^(?:[A-Z]{2}-\\d{3,5}|\\p{L}+)$' }],
    ['patterns with a look-ahead', { type: 'string', pattern: '^(?=[a-c])[a-z]\\.[^a-y]$' }],
    [
      'lists',
      {
        type: 'array',
        prefixItems: [{ const: 1 }, { type: 'boolean' }],
        items: false,
        minItems: 2,
      },
    ],
    [
      'lists of what is unique',
      { type: 'array', items: { enum: [1, 2, 3] }, uniqueItems: true, minItems: 3 },
    ],
    [
      'lists that contain',
      {
        type: 'array',
        items: { type: 'integer' },
        contains: { minimum: 900 },
        minContains: 2,
        maxContains: 2,
        minItems: 3,
      },
    ],
    [
      'names by pattern',
      {
        type: 'object',
        patternProperties: { '^x-[a-z]{3}$': { type: 'integer' } },
        additionalProperties: false,
        minProperties: 3,
      },
    ],
    [
      'names by schema',
      {
        type: 'object',
        propertyNames: { pattern: '^[a-z]{5}$' },
        additionalProperties: { type: 'boolean' },
        minProperties: 2,
      },
    ],
    [
      'dependents',
      {
        type: 'object',
        properties: { a: { const: 1 } },
        required: ['a'],
        dependentRequired: { a: ['b'] },
        dependentSchemas: { b: { properties: { c: { const: 2 } }, required: ['c'] } },
      },
    ],
    ['several types', { type: ['string', 'null', 'integer'] }],
    [
      'names that every object has',
      {
        type: 'object',
        properties: { constructor: { type: 'integer' }, toString: { type: 'string' } },
        required: ['constructor', 'toString'],
        additionalProperties: false,
      },
    ],
    ['true', true],
  ])('is valid: %s', (_what, schema) => {
    for (let seed = 0; seed < 50; seed++) expect(faultsOf(schema, seed)).toEqual([]);
  });

  it('prefers examples that are valid', () => {
    const schema: JsonSchema = { type: 'string', minLength: 4, examples: ['no', 'Grand Hotel'] };
    expect(schemaValue(Schema.compile(schema, 'test'), seeded(1))).toBe('Grand Hotel');
  });

  it.each([
    'date-time',
    'date',
    'time',
    'duration',
    'email',
    'hostname',
    'ipv4',
    'ipv6',
    'uri',
    'uri-reference',
    'uuid',
    'json-pointer',
    'relative-json-pointer',
    'regex',
    'uri-template',
  ])('keeps the format %s', (format) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const schema = Schema.compile({ type: 'string', format }, 'test');
        expect(typeof schemaValue(schema, seeded(seed))).toBe('string');
      }),
    );
  });

  it('is valid for schemas of every form', () => {
    const { schema } = fc.letrec<{ schema: JsonSchema; leaf: JsonSchema }>((tie) => ({
      leaf: fc.oneof(
        fc.record(
          {
            type: fc.constant('integer'),
            minimum: fc.integer({ min: -50, max: 0 }),
            maximum: fc.integer({ min: 0, max: 50 }),
          },
          { requiredKeys: ['type'] },
        ),
        fc.record(
          {
            type: fc.constant('string'),
            minLength: fc.nat(10),
            maxLength: fc.integer({ min: 10, max: 30 }),
          },
          { requiredKeys: ['type'] },
        ),
        fc.constantFrom<JsonSchema>(
          { type: 'boolean' },
          { type: 'null' },
          { const: { a: [1] } },
          true,
        ),
        fc.record({ enum: fc.array(fc.jsonValue(), { minLength: 1, maxLength: 4 }) }),
      ),
      schema: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        tie('leaf'),
        fc.record(
          { type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(2) },
          { requiredKeys: ['type', 'items'] },
        ),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
        fc.record(
          {
            type: fc.constant('object'),
            properties: fc.dictionary(fc.string({ maxLength: 5 }), tie('schema'), {
              maxKeys: 4,
              noNullPrototype: true,
            }),
            additionalProperties: fc.boolean(),
          },
          { requiredKeys: ['type', 'properties'] },
        ),
      ),
    }));
    fc.assert(
      fc.property(schema, fc.nat(), (one, seed) => {
        expect(faultsOf(one, seed)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
