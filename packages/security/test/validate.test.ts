import { Ajv } from 'ajv';
import express, { type Express, type RequestHandler } from 'express';
import * as v from 'valibot';
import { z } from 'zod';
import { answerProblem, ProblemError } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { fromAjv, validate, type ValidRequest } from '@org/security';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

async function start(...handlers: RequestHandler[]): Promise<string> {
  const app: Express = express();
  app.use(express.json());
  app.all('/items/:id', ...handlers);
  app.use(((error, _req, res, _next) => {
    if (error instanceof ProblemError) answerProblem(res, error);
    else res.status(500).send(String(error));
  }) satisfies express.ErrorRequestHandler);
  served = await serve(app);
  return served.url;
}

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const schemas = {
  params: z.object({ id: z.coerce.number().int() }),
  query: v.object({
    page: v.optional(v.pipe(v.string(), v.transform(Number), v.minValue(1)), '1'),
  }),
  body: z.object({ name: z.string().min(1), tags: z.array(z.object({ a: z.string() })) }),
};

describe('what passes', () => {
  test('is at req.valid, typed, as the schemas made it; the request stays as it came', async () => {
    const check = validate(schemas);
    const url = await start(check, ((req: ValidRequest<typeof check>, res) => {
      const { id }: { id: number } = req.valid.params;
      const { page }: { page: number } = check.valid(req).query;
      const { name, tags }: { name: string; tags: { a: string }[] } = req.valid.body;
      res.json({ id, page, name, tags, sent: [req.params.id, req.query.page, req.body] });
    }) as RequestHandler);
    const body = { name: 'x', tags: [], more: true };
    const answer = await post(`${url}/items/7?page=2`, body);
    expect(await answer.json()).toEqual({
      id: 7,
      page: 2,
      name: 'x',
      tags: [],
      sent: ['7', '2', body],
    });
    expect(check.stats()).toEqual({ validTotal: 1, invalidTotal: 0 });
  });

  test('is joined over several checks of one request', async () => {
    const url = await start(
      validate({ params: schemas.params }),
      validate({ headers: z.object({ 'x-tenant': z.string() }) }),
      (req, res) => void res.json(req.valid),
    );
    const answer = await fetch(`${url}/items/1`, { headers: { 'X-Tenant': 'a' } });
    expect(await answer.json()).toEqual({ params: { id: 1 }, headers: { 'x-tenant': 'a' } });
  });

  test('goes on at once where the schemas are synchronous', () => {
    const check = validate({ query: schemas.query });
    const req = { query: {} };
    expect(check.step!({ req } as never)).toBeUndefined();
    expect(req).toMatchObject({ valid: { query: { page: 1 } } });
  });

  test('may take its time', async () => {
    const slow = z.object({ id: z.string().refine(async (id) => id !== 'taken', 'is taken') });
    const url = await start(validate({ params: slow }), (req, res) => void res.json(req.valid));
    expect(await (await fetch(`${url}/items/free`)).json()).toEqual({ params: { id: 'free' } });
    const refused = await fetch(`${url}/items/taken`);
    expect(await refused.json()).toMatchObject({
      errors: [{ detail: 'is taken', pointer: '#/id', in: 'path', parameter: 'id' }],
    });
  });
});

describe('what does not', () => {
  test('is told in one problem document, part by part', async () => {
    const check = validate({
      ...schemas,
      headers: z.object({ 'x-tenant': z.string('is needed') }),
    });
    const url = await start(check, (_req, res) => void res.json({}));
    const answer = await post(`${url}/items/x?page=0`, { name: '', tags: [{ a: 1 }] });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Validation failed',
      status: 400,
      code: 'ERR_VALIDATION',
      detail: '5 values are not as expected.',
      errors: [
        { detail: expect.any(String), pointer: '#/id', in: 'path', parameter: 'id' },
        { detail: expect.any(String), pointer: '#/page', in: 'query', parameter: 'page' },
        { detail: 'is needed', pointer: '#/x-tenant', in: 'header', parameter: 'x-tenant' },
        { detail: expect.any(String), pointer: '#/name' },
        { detail: expect.any(String), pointer: '#/tags/0/a' },
      ],
    });
    expect(check.stats()).toEqual({ validTotal: 0, invalidTotal: 1 });
  });

  test.each([
    [undefined, 400],
    [422, 422],
  ] as const)('of the body alone has the status %p asks for', async (bodyStatus, status) => {
    const check = validate({ params: schemas.params, body: schemas.body }, { bodyStatus });
    const url = await start(check, (_req, res) => void res.json({}));
    expect((await post(`${url}/items/1`, {})).status).toBe(status);
    expect((await post(`${url}/items/x`, {})).status).toBe(400);
  });

  test('is told in pointers of RFC 6901, as URI fragments', async () => {
    const odd = z.object({ 'a/b~c #é%': z.number() });
    const url = await start(validate({ body: odd }), (_req, res) => void res.json({}));
    const answer = await post(`${url}/items/1`, { 'a/b~c #é%': 'x' });
    expect(await answer.json()).toMatchObject({
      detail: 'One value is not as expected.',
      errors: [{ pointer: '#/a~1b~0c%20%23%C3%A9%25' }],
    });
  });

  test('is told up to fifty times over all parts', async () => {
    const numbers = z.record(z.string(), z.number());
    const url = await start(
      validate({ query: numbers, body: numbers }),
      (_req, res) => void res.json({}),
    );
    const forty = Array.from({ length: 40 }, (_, at) => [`k${at}`, 'x']);
    const query = new URLSearchParams(forty as [string, string][]);
    const answer = await post(`${url}/items/1?${query.toString()}`, Object.fromEntries(forty));
    const { errors, moreErrors } = (await answer.json()) as {
      errors: object[];
      moreErrors: number;
    };
    expect([errors.length, moreErrors]).toEqual([50, 30]);
  });

  test('is told up to fifty times, and in bounded words', async () => {
    const many = z.record(z.string(), z.number('n'.repeat(9000)));
    const url = await start(validate({ body: many }), (_req, res) => void res.json({}));
    const names = Array.from({ length: 60 }, (_, at) => [`${'k'.repeat(1000)}\ud800${at}`, 'x']);
    const answer = await post(`${url}/items/1`, Object.fromEntries(names));
    const { errors, moreErrors } = (await answer.json()) as {
      errors: { detail: string; pointer: string }[];
      moreErrors: number;
    };
    expect([errors.length, moreErrors]).toEqual([50, 10]);
    for (const { detail, pointer } of errors) {
      expect(detail).toHaveLength(500);
      expect(pointer.length).toBeLessThanOrEqual(501);
    }
  });
});

describe('ajv', () => {
  interface Item {
    readonly name: string;
    readonly count: number;
  }
  const ajv = new Ajv({ allErrors: true, useDefaults: true, coerceTypes: true });
  const compiled = ajv.compile<Item>({
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string' },
      count: { type: 'integer', default: 1 },
      'a/b': { type: 'object', required: ['c~d'] },
    },
  });

  test('takes part through fromAjv, on a copy', async () => {
    const check = validate({ body: fromAjv(compiled) });
    const url = await start(check, (req, res) => {
      const { name, count }: Item = check.valid(req).body;
      res.json({ name, count, sent: req.body as unknown });
    });
    const answer = await post(`${url}/items/1`, { name: 7 });
    expect(await answer.json()).toEqual({ name: '7', count: 1, sent: { name: 7 } });
  });

  test('takes no part by an asynchronous schema: its promise would pass for a yes', () => {
    const late = new Ajv().compile<Item>({ $async: true, type: 'object' } as const);
    expect(() => fromAjv(late as unknown as typeof compiled)).toThrow('must not be $async');
  });

  test('tells what is missing by its own name', async () => {
    const url = await start(
      validate({ body: fromAjv(compiled) }),
      (_req, res) => void res.json({}),
    );
    const answer = await post(`${url}/items/1`, { 'a/b': {}, count: 'x' });
    const { errors } = (await answer.json()) as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      '#/a~1b/c~0d',
      '#/count',
      '#/name',
    ]);
  });
});

describe('a check', () => {
  test.each([
    [{}, 'there is nothing to check'],
    [{ body: {} }, 'option "body" must be a Standard Schema'],
    [{ bdy: z.string() }, 'did you mean "body"'],
  ])('is refused where it cannot work: %#', (wrong, message) => {
    expect(() => validate(wrong as { body: typeof schemas.body })).toThrow(message);
  });

  test('has values only of requests that it has seen', async () => {
    const check = validate({ params: schemas.params });
    const url = await start((req, res) => void res.json(check.valid(req)));
    const answer = await fetch(`${url}/items/1`);
    expect(await answer.text()).toContain('Mount the middleware ahead of the handler');
  });

  test('names itself and its place', () => {
    const { name, phase } = validate({ query: schemas.query });
    expect([name, phase]).toEqual(['validate', 'read']);
  });
});
