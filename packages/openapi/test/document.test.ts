import { openapi, type OpenapiDocument, type OpenapiOptions, route } from '@org/openapi';
import { defineProblems, problemsJson } from '@org/errors';
import express, { type Express, Router } from 'express';
import * as fc from 'fast-check';
import { z } from 'zod';

import { pathTemplates } from '../src/path-template.ts';
import { faultsOf } from './official-schema.ts';

const City = z
  .object({
    id: z.int(),
    name: z.string().meta({ examples: ['Rome'] }),
    get near() {
      return z.array(City).optional();
    },
  })
  .meta({ id: 'City', description: 'A city.' });

const nothing = (): undefined => undefined;

function documentOf(
  mount: (app: Express) => void,
  options: Partial<OpenapiOptions> = {},
): OpenapiDocument {
  const app = express();
  mount(app);
  const document = openapi({ docsPath: false, ...options }).document(app);
  expect(faultsOf(document)).toEqual([]);
  return document;
}

describe('a document', () => {
  it('is that of the routes that are mounted, under the patterns of their routers', () => {
    const cities = Router();
    cities.get(
      '/:id',
      route(
        {
          summary: 'One city',
          tags: ['places'],
          params: z.object({ id: z.coerce.number().meta({ description: 'As GeoNames has it.' }) }),
          query: z.object({ lang: z.string().optional() }),
          headers: z.object({ 'x-unit': z.string(), accept: z.string() }),
          responses: { 200: City, 204: 'Nothing to tell' },
          examples: {
            rome: {
              summary: 'Rome',
              params: { id: 3169070 },
              answer: { id: 3169070, name: 'Rome' },
            },
          },
        },
        nothing,
      ),
    );
    const document = documentOf((app) => app.use('/api', Router().use('/cities', cities)), {
      info: { title: 'Places', version: '1.2.0', license: { name: 'MIT' } },
      problems: [503],
    });
    expect(document).toEqual({
      openapi: '3.1.1',
      info: { title: 'Places', version: '1.2.0', license: { name: 'MIT' } },
      paths: {
        '/api/cities/{id}': {
          get: {
            operationId: 'getApiCitiesById',
            summary: 'One city',
            tags: ['places'],
            parameters: [
              {
                name: 'id',
                in: 'path',
                required: true,
                description: 'As GeoNames has it.',
                schema: { type: 'number' },
                examples: { rome: { summary: 'Rome', value: 3169070 } },
              },
              { name: 'lang', in: 'query', schema: { type: 'string' } },
              { name: 'x-unit', in: 'header', required: true, schema: { type: 'string' } },
            ],
            responses: {
              200: {
                description: 'OK',
                content: {
                  'application/json': {
                    schema: { $ref: '#/components/schemas/City' },
                    examples: {
                      rome: { summary: 'Rome', value: { id: 3169070, name: 'Rome' } },
                    },
                  },
                },
              },
              204: { description: 'Nothing to tell' },
              400: { $ref: '#/components/responses/ValidationProblem400' },
              503: { $ref: '#/components/responses/Problem503' },
            },
          },
        },
      },
      components: expect.objectContaining({
        schemas: {
          City: {
            type: 'object',
            description: 'A city.',
            properties: {
              id: expect.objectContaining({ type: 'integer' }) as object,
              name: { type: 'string', examples: ['Rome'] },
              near: { type: 'array', items: { $ref: '#/components/schemas/City' } },
            },
            required: ['id', 'name'],
          },
          Problem: expect.anything() as object,
          ValidationProblem: expect.anything() as object,
        },
      }) as object,
      tags: [{ name: 'places' }],
    });
  });

  it('has an order of its own, whatever that of the routes', () => {
    const mounts: ((app: Express) => void)[] = [
      (app) => app.post('/b', route({ body: City, tags: ['two'] }, nothing)),
      (app) => app.get('/b', route({ responses: { 200: City }, tags: ['one'] }, nothing)),
      (app) => app.get('/a/:id', route({}, nothing)),
    ];
    const texts = [mounts, mounts.toReversed()].map((order) =>
      JSON.stringify(documentOf((app) => order.forEach((mount) => mount(app)))),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(Object.keys((JSON.parse(texts[0]!) as OpenapiDocument).paths)).toEqual([
      '/a/{id}',
      '/b',
    ]);
  });

  it('gives each operation an id of its own', () => {
    const { paths } = documentOf((app) => {
      app.get('/a-b', route({}, nothing));
      app.get('/a/b', route({}, nothing));
      app.get('/c', route({ operationId: 'getAB' }, nothing));
      app.get('/:id/d', route({ operationId: 'read' }, nothing));
    });
    expect(Object.entries(paths).map(([path, { get }]) => [path, get?.operationId])).toEqual([
      ['/a-b', 'getAB'],
      ['/a/b', 'getAB_2'],
      ['/c', 'getAB_3'],
      ['/{id}/d', 'read'],
    ]);
  });

  it('gives no operation the id of one that is written by hand', () => {
    const { paths } = documentOf((app) => app.get('/a', route({}, nothing)), {
      paths: { '/b': { get: { operationId: 'getA', responses: { 204: { description: '' } } } } },
    });
    expect(paths['/a']!.get!.operationId).toBe('getA_2');
  });

  it('says of whole numbers what the API does, not what JSON does (RFC 8259 §6)', () => {
    const { paths } = documentOf((app) =>
      app.get('/x', route({ query: z.object({ a: z.int(), b: z.int().min(1) }) }, nothing)),
    );
    expect(paths['/x']!.get!.parameters!.map(({ schema }) => schema)).toEqual([
      { type: 'integer' },
      { type: 'integer', minimum: 1 },
    ]);
  });

  it('names recursive schemas that have no name by where they are', () => {
    const Tree: z.ZodType = z.object({
      get children() {
        return z.array(Tree);
      },
    });
    const { paths, components } = documentOf((app) =>
      app.post('/trees', route({ body: Tree }, nothing)),
    );
    expect(paths['/trees']!.post).toMatchObject({
      requestBody: {
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/PostTreesBody' } },
        },
      },
    });
    expect(components!['schemas']).toMatchObject({
      PostTreesBody: {
        properties: { children: { items: { $ref: '#/components/schemas/PostTreesBody' } } },
      },
    });
  });

  it('has an address for each optional group, and tells of wildcards', () => {
    const { paths } = documentOf((app) => {
      app.get('/a{/:b}', route({ params: z.object({ b: z.string().optional() }) }, nothing));
      app.get('/files/*path', route({}, nothing));
      app.get(['/one', '/two'], route({}, nothing));
    });
    expect(Object.keys(paths)).toEqual(['/a', '/a/{b}', '/files/{path}', '/one', '/two']);
    expect(paths['/a']!.get!.parameters).toBeUndefined();
    expect(paths['/files/{path}']!.get!.parameters).toEqual([
      {
        name: 'path',
        in: 'path',
        required: true,
        description: 'May contain slashes.',
        schema: { type: 'string' },
      },
    ]);
  });

  it('knows paths as one that differ in the names of parameters (OpenAPI 3.1.1 §4.8.8.2)', () => {
    const { paths } = documentOf((app) => {
      app.get('/cities/:id', route({}, nothing));
      const params = z.object({ city: z.int() });
      app.delete('/cities/:city', route({ params }, nothing));
    });
    expect(Object.keys(paths)).toEqual(['/cities/{id}']);
    expect(Object.keys(paths['/cities/{id}']!)).toEqual(['get', 'delete']);
    expect(paths['/cities/{id}']!.delete!.parameters).toEqual([
      { name: 'id', in: 'path', required: true, schema: { type: 'integer' } },
    ]);
  });

  it('tells every method of a chain, those of all, and leaves out what is hidden', () => {
    const { paths } = documentOf((app) => {
      app
        .route('/x')
        .get(nothing, route({ summary: 'Get' }, nothing))
        .patch(route({}, nothing));
      app.all('/y', route({}, nothing));
      app.all('/z', route({ method: 'post' }, nothing));
      app.get('/hidden', route({ hidden: true }, nothing));
      app.get(/regular/, route({}, nothing));
    });
    expect(Object.entries(paths).map(([path, item]) => [path, Object.keys(item)])).toEqual([
      ['/x', ['get', 'patch']],
      ['/y', ['get', 'put', 'post', 'delete', 'patch']],
      ['/z', ['post']],
    ]);
  });

  it('does not take what is around the methods of a route for one of them', () => {
    const made = documentOf((app) => {
      app
        .route('/x')
        .all(nothing)
        .get(route({ summary: 'X' }, nothing))
        .all(nothing);
      app
        .route('/y')
        .all(route({ method: 'put' }, nothing))
        .get(route({}, nothing));
      app.route([[['/a', '/b']], '/c'] as never).get(nothing);
      app.get('/z', route({}, nothing));
    });
    expect(
      Object.entries(made.paths).map(([path, item]) => [path, ...Object.keys(item)].join(' ')),
    ).toEqual(['/x get', '/y get put', '/z get']);
  });

  it('says what is answered ahead of the handler (RFC 9457)', () => {
    const { paths, components } = documentOf(
      (app) =>
        app.post(
          '/x',
          route({ body: City, bodyStatus: 422, query: z.object({}), problems: [409] }, nothing),
        ),
      {
        securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'x-api-key' } },
        security: ['key'],
      },
    );
    expect(Object.keys(paths['/x']!.post!.responses)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '409',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
    expect(paths['/x']!.post!.responses['422']).toEqual({
      $ref: '#/components/responses/ValidationProblem422',
    });
    expect(components!['responses']).toMatchObject({
      Problem429: {
        headers: { 'Retry-After': expect.anything() as object },
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: {
              problem1: {
                value: { type: 'about:blank', title: 'Too Many Requests', status: 429 },
              },
            },
          },
        },
      },
      ValidationProblem422: {
        content: {
          'application/problem+json': {
            examples: { ERR_VALIDATION: { value: { status: 422, code: 'ERR_VALIDATION' } } },
          },
        },
      },
    });
  });

  it('shows the kinds of problem that a catalogue lists', () => {
    const problems = defineProblems(
      {
        cityNotFound: { status: 404, title: 'No such city', description: 'Look elsewhere.' },
        badCursor: { status: 400, title: 'Unknown cursor' },
      },
      { base: '/problems#' },
    );
    const { paths } = documentOf((app) =>
      app.get(
        '/x',
        route({ query: z.object({ a: z.string() }), problems: problemsJson(problems) }, nothing),
      ),
    );
    expect(paths['/x']!.get!.responses).toMatchObject({
      400: {
        description: expect.stringMatching(/not as it is described[^]*Unknown cursor/) as string,
      },
      404: {
        description: 'No such city: Look elsewhere.',
        content: {
          'application/problem+json': {
            examples: {
              ERR_CITY_NOT_FOUND: {
                value: {
                  type: '/problems#city-not-found',
                  title: 'No such city',
                  status: 404,
                  code: 'ERR_CITY_NOT_FOUND',
                },
              },
            },
          },
        },
      },
    });
  });

  it('has security for all, and none where a route says so', () => {
    const { security, paths, components } = documentOf(
      (app) => {
        app.get('/open', route({ security: [] }, nothing));
        app.get('/both', route({ security: [{ key: [], oauth: ['read'] }] }, nothing));
        app.get('/usual', route({}, nothing));
      },
      {
        security: ['key'],
        securitySchemes: {
          key: { type: 'apiKey', in: 'header', name: 'x-api-key' },
          oauth: { type: 'oauth2', flows: {} },
        },
      },
    );
    expect(security).toEqual([{ key: [] }]);
    expect(Object.values(paths).map(({ get }) => get!['security'])).toEqual([
      [{ key: [], oauth: ['read'] }],
      [],
      undefined,
    ]);
    expect(Object.keys(paths['/open']!.get!.responses)).not.toContain('401');
    expect(components!['securitySchemes']).toHaveProperty('oauth');
  });

  it('gives examples of parameters the type of their schemas', () => {
    const limit = z.string().meta({ type: 'integer' });
    const { paths } = documentOf((app) =>
      app.get(
        '/x',
        route(
          { query: z.object({ limit }), examples: { few: { query: { limit: '5' } } } },
          nothing,
        ),
      ),
    );
    expect(paths['/x']!.get!.parameters).toEqual([
      expect.objectContaining({ schema: { type: 'integer' }, examples: { few: { value: 5 } } }),
    ]);
  });

  it('keeps paths that are written by hand, servers and tags', () => {
    const document = documentOf((app) => app.get('/a', route({ tags: ['b', 'a'] }, nothing)), {
      paths: { '/health/ready': { get: { responses: { 200: { description: 'Ready' } } } } },
      servers: [{ url: 'https://api.example.com' }],
      tags: [{ name: 'z', description: 'Last, but first' }],
    });
    expect(Object.keys(document.paths)).toEqual(['/a', '/health/ready']);
    expect(document['servers']).toEqual([{ url: 'https://api.example.com' }]);
    expect(document['tags']).toEqual([
      { name: 'z', description: 'Last, but first' },
      { name: 'a' },
      { name: 'b' },
    ]);
  });

  it.each<[string, (app: Express) => void, string]>([
    [
      'a schema that is no JSON',
      (app) => app.post('/x', route({ body: z.object({ at: z.date() }) }, nothing)),
      'the body of POST /x cannot be told as JSON Schema: Date',
    ],
    [
      'two schemas of one name',
      (app) => {
        app.post(
          '/x',
          route({ body: z.object({ a: z.string() }).meta({ title: 'One' }) }, nothing),
        );
        app.post('/a', route({ body: named('Twice', { type: 'string' }) }, nothing));
        app.post('/b', route({ body: named('Twice', { type: 'number' }) }, nothing));
      },
      'has a schema called "Twice", which is already another one',
    ],
    [
      'a pointer that leads nowhere in the document',
      (app) =>
        app.post(
          '/x',
          route({ body: { schema: z.string(), jsonSchema: { $ref: '#/definitions/A' } } }, nothing),
        ),
      'the body of POST /x points to #/definitions/A, which its "$defs" do not have',
    ],
    [
      'a name that this package has',
      (app) => app.post('/x', route({ body: named('Problem', { type: 'string' }) }, nothing)),
      'has a schema called "Problem", which is already another one',
    ],
    [
      'a scheme that there is not',
      (app) => app.get('/x', route({ security: ['key'] }, nothing)),
      'GET /x asks for "key", which "securitySchemes" does not have',
    ],
    [
      'a query that is no object',
      (app) => app.get('/x', route({ query: z.string() }, nothing)),
      'the query of GET /x must be an object',
    ],
    [
      'parameters that the pattern does not have',
      (app) => app.get('/x', route({ params: z.object({ id: z.string() }) }, nothing)),
      'the params of GET /x need "id", which is not in the path',
    ],
    [
      'a parameter that another name in the pattern stands for',
      (app) => app.get('/x/:cityId', route({ params: z.object({ id: z.string() }) }, nothing)),
      'the params of GET /x/{cityId} need "id", which is not in the path',
    ],
  ])('is refused for %s', (_case, mount, message) => {
    const app = express();
    mount(app);
    expect(() => openapi({ docsPath: false }).document(app)).toThrow(message);
  });
});

describe('templates of patterns', () => {
  it('have every parameter of the pattern, and are patterns that match their own address', () => {
    const segment = fc.stringMatching(/^[a-z]{1,6}$/);
    const part = fc.oneof(
      segment.map((text) => `/${text}`),
      fc.nat(9).map((at) => `/:p${at}`),
    );
    fc.assert(
      fc.property(fc.uniqueArray(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const names = parts.filter((one) => one.startsWith('/:')).map((one) => one.slice(2));
        expect(pathTemplates(parts.join(''))).toEqual([
          {
            path: parts.map((one) => one.replace(/^\/:(.*)$/, '/{$1}')).join(''),
            names,
            ownNames: names,
            wildcards: new Set(),
          },
        ]);
        // A group doubles them.
        expect(pathTemplates(`${parts.join('')}{/more}`)).toHaveLength(2);
      }),
    );
  });
});

/** A schema that calls itself so. */
function named(name: string, jsonSchema: object) {
  return {
    schema: z.unknown(),
    jsonSchema: { $ref: `#/$defs/${name}`, $defs: { [name]: jsonSchema } },
  };
}
