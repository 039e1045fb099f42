import { answerProblem, FAULT_CHANNEL, type Fault, type ProblemError } from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { route, type RouteDescription, routes } from '@org/openapi';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import * as v from 'valibot';
import { z } from 'zod';

let served: Served | undefined;
const faults: Fault[] = [];
const onFault = (message: unknown): void => void faults.push(message as Fault);
beforeEach(() => {
  faults.length = 0;
  subscribe(FAULT_CHANNEL, onFault);
});
afterEach(async () => {
  unsubscribe(FAULT_CHANNEL, onFault);
  await served?.close();
  served = undefined;
});

async function start(mount: (app: Express) => void): Promise<string> {
  const app = express();
  app.use(express.json());
  mount(app);
  app.use((error: ProblemError, _req: Request, res: Response, next: NextFunction) => {
    if (error.code === undefined) next(error);
    else answerProblem(res, error);
  });
  served = await serve(app);
  return served.url;
}

const City = z.object({ id: z.int(), name: z.string() });
const BODY = { 'content-type': 'application/json' };

describe('a request', () => {
  it('reaches the handler with what the schemas made of it', async () => {
    const url = await start((app) =>
      app.post(
        '/cities/:id',
        route(
          {
            params: z.object({ id: z.coerce.number() }),
            query: z.object({ lang: z.string().default('en') }),
            headers: z.object({ 'x-unit': z.enum(['km', 'mi']).optional() }),
            body: z.object({ name: z.string().trim() }),
          },
          (req, res) => {
            const { params, query, headers, body } = req.valid;
            // The types are the schemas': these lines compile.
            const id: number = params.id;
            const name: string = body.name;
            res.json({ id, name, lang: query.lang, unit: headers['x-unit'], raw: req.params });
          },
        ),
      ),
    );
    const answer = await fetch(`${url}/cities/7`, {
      method: 'POST',
      headers: { ...BODY, 'x-unit': 'km' },
      body: '{"name":" Rome "}',
    });
    expect(await answer.json()).toEqual({
      id: 7,
      name: 'Rome',
      lang: 'en',
      unit: 'km',
      raw: { id: '7' },
    });
  });

  it('that does not fit never reaches it, and is told every part that is wrong', async () => {
    const work = jest.fn();
    const url = await start((app) =>
      app.post(
        '/cities/:id',
        route(
          {
            params: z.object({ id: z.string().regex(/^\d+$/, 'must be a number') }),
            query: z.object({ limit: z.string({ error: 'must be given' }) }),
            headers: z.object({ 'x-a/b': z.string({ error: 'must be given' }) }),
            body: z.object({ 'a/b': z.object({ '~': z.string({ error: 'must be text' }) }) }),
          },
          work,
        ),
      ),
    );
    const answer = await fetch(`${url}/cities/x`, {
      method: 'POST',
      headers: BODY,
      body: '{"a/b":{"~":1}}',
    });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    expect(await answer.json()).toMatchObject({
      code: 'ERR_VALIDATION',
      title: 'Validation failed',
      detail: '4 values are not as expected.',
      errors: [
        { detail: 'must be a number', pointer: '#/id', in: 'path', parameter: 'id' },
        { detail: 'must be given', pointer: '#/limit', in: 'query', parameter: 'limit' },
        { detail: 'must be given', pointer: '#/x-a~1b', in: 'header', parameter: 'x-a/b' },
        // RFC 6901 §3 and §6.
        { detail: 'must be text', pointer: '#/a~1b/~0' },
      ],
    });
    expect(work).not.toHaveBeenCalled();
  });

  it.each([
    ['only the body is wrong', '/x?q=1', '{}', 422],
    ['something else is wrong, too', '/x', '{}', 400],
  ])('is answered with bodyStatus where %s', async (_case, path, body, status) => {
    const url = await start((app) =>
      app.post(
        '/x',
        route(
          {
            query: z.object({ q: z.string() }),
            body: z.object({ a: z.string() }),
            bodyStatus: 422,
          },
          (_req, res) => void res.end(),
        ),
      ),
    );
    const answer = await fetch(url + path, { method: 'POST', headers: BODY, body });
    expect(answer.status).toBe(status);
  });

  it('tells at most 50 issues, and how many there are', async () => {
    const url = await start((app) =>
      app.post(
        '/x',
        route({ body: z.array(z.string()) }, (_req, res) => void res.end()),
      ),
    );
    const body = JSON.stringify(Array.from({ length: 70 }, () => 1));
    const answer = await fetch(`${url}/x`, { method: 'POST', headers: BODY, body });
    const told = (await answer.json()) as { errors: unknown[]; moreErrors: number };
    expect([told.errors.length, told.moreErrors]).toEqual([50, 20]);
  });

  it('waits for schemas that take their time, and for the parts behind them', async () => {
    const late = z.string().refine((text) => Promise.resolve(text !== 'taken'), 'is taken');
    const url = await start((app) =>
      app.get(
        '/:name',
        route(
          { params: z.object({ name: late }), query: z.object({ q: z.coerce.number() }) },
          (req, res) => void res.json(req.valid),
        ),
      ),
    );
    expect(await (await fetch(`${url}/free?q=1`)).json()).toEqual({
      params: { name: 'free' },
      query: { q: 1 },
    });
    const taken = await fetch(`${url}/taken?q=x`);
    expect(taken.status).toBe(400);
    expect(((await taken.json()) as { errors: unknown[] }).errors).toHaveLength(2);
  });

  it('goes to the error handlers when the handler throws or rejects', async () => {
    const url = await start((app) => {
      app.get(
        '/throws',
        route({}, () => void raise()),
      );
      app.get(
        '/rejects',
        route({}, () => Promise.reject(new Error('deliberate'))),
      );
    });
    expect((await fetch(`${url}/throws`)).status).toBe(500);
    expect((await fetch(`${url}/rejects`)).status).toBe(500);
  });

  it('is checked by validators that need a JSON Schema beside them', async () => {
    const schema = v.object({ id: v.pipe(v.string(), v.toNumber()) });
    const jsonSchema = { type: 'object', properties: { id: { type: 'string' } } };
    const url = await start((app) =>
      app.get(
        '/:id',
        route({ params: { schema, jsonSchema } }, (req, res) => {
          const id: number = req.valid.params.id;
          res.json({ id });
        }),
      ),
    );
    expect(await (await fetch(`${url}/4`)).json()).toEqual({ id: 4 });
  });
});

describe('an answer', () => {
  const answering = (
    value: unknown,
    validateResponses: RouteDescription['validateResponses'],
    status = 200,
  ) =>
    start((app) =>
      app.get(
        '/cities/:id',
        route(
          { responses: { 200: City, 404: z.object({ why: z.string() }) }, validateResponses },
          (_req, res) => void res.status(status).json(value as never),
        ),
      ),
    );

  it('that is not as described is sent and reported by default in tests', async () => {
    const url = await answering({ id: 1 }, undefined);
    expect(await (await fetch(`${url}/cities/1`)).json()).toEqual({ id: 1 });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({
      where: 'openapi answer',
      error: {
        code: 'ERR_RESPONSE_INVALID',
        message: expect.stringContaining(
          'The answer 200 of GET /cities/:id is not as its route describes it: #/name',
        ) as string,
      },
    });
  });

  it('fails with 500 where that is wanted, and tells the client nothing of why', async () => {
    const url = await answering({ id: 1 }, 'throw');
    const answer = await fetch(`${url}/cities/1`);
    expect(answer.status).toBe(500);
    const document = (await answer.json()) as object;
    expect(document).toMatchObject({ code: 'ERR_RESPONSE_INVALID' });
    expect(document).not.toHaveProperty('errors');
  });

  it('is not looked at where that is off', async () => {
    const url = await answering({ id: 1 }, 'off');
    expect((await fetch(`${url}/cities/1`)).status).toBe(200);
    expect(faults).toEqual([]);
  });

  it('is checked as JSON makes it: dates are text, what is undefined is absent', async () => {
    const when = z.strictObject({ at: z.iso.datetime(), note: z.string().optional() });
    const url = await start((app) =>
      app.get(
        '/',
        route({ responses: { 200: when } }, (_req, res) => {
          res.json({ at: new Date(0), ...({ more: undefined } as object) });
        }),
      ),
    );
    expect(await (await fetch(url)).json()).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(faults).toEqual([]);
  });

  it('is sent as the handler gave it, members that the schema does not know included', async () => {
    const url = await answering({ id: 1, name: 'Rome', more: true }, 'throw');
    expect(await (await fetch(`${url}/cities/1`)).json()).toEqual({
      id: 1,
      name: 'Rome',
      more: true,
    });
  });

  it('of a status that no response describes is a fault; of an error it is not', async () => {
    const url = await answering({ id: 1 }, 'report', 202);
    await (await fetch(`${url}/cities/1`)).text();
    expect(faults.map(({ error }) => String(error))).toEqual([
      expect.stringContaining('no response describes this status'),
    ]);
    await served?.close();
    faults.length = 0;
    await (await fetch(`${await answering({}, 'report', 409)}/cities/1`)).text();
    expect(faults).toEqual([]);
  });

  it('is sent where its schema fails to judge it, which is reported', async () => {
    const validate = (): never => {
      throw new Error('no judge');
    };
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
    const broken = { schema, jsonSchema: {} };
    const url = await start((app) =>
      app.get(
        '/',
        route({ responses: { 200: broken } }, (_req, res) => void res.json({ id: 1 })),
      ),
    );
    expect(await (await fetch(url)).json()).toEqual({ id: 1 });
    expect(faults.map(({ error }) => String(error))).toEqual(['Error: no judge']);
  });

  it('is checked later where its schema takes its time', async () => {
    const late = z.object({ id: z.int().refine((id) => Promise.resolve(id > 1)) });
    const url = await start((app) =>
      app.get(
        '/',
        route({ responses: { default: late } }, (_req, res) => void res.json({ id: 1 })),
      ),
    );
    await (await fetch(url)).text();
    await new Promise(setImmediate);
    expect(faults).toHaveLength(1);
  });
});

describe('a description', () => {
  it.each<[string, object, string]>([
    ['an unknown member', { sumary: 'x' }, 'did you mean "summary"?'],
    [
      'a schema that cannot tell its JSON Schema',
      { body: v.object({}) },
      'a Standard Schema that can tell its JSON Schema',
    ],
    ['a response of no status', { responses: { ok: City } }, 'has "ok"; use a status'],
    [
      'a response of another form',
      { responses: { 200: { bdy: City } } },
      'response 200: option "bdy"',
    ],
    ['a response by a bare validator', { responses: { 200: v.object({}) } }, 'response 200'],
    ['a problem that is none', { problems: [200] }, 'a status from 400 to 599'],
    [
      'an example that its schema does not allow',
      { body: City, examples: { rome: { body: { id: 'x', name: 'Rome' } } } },
      'body of example "rome" is not as its schema: #/id',
    ],
    [
      'an example of an answer that its schema does not allow',
      { responses: { 200: City }, examples: { rome: { answer: {} } } },
      'answer of example "rome"',
    ],
    [
      'an example without a schema',
      { examples: { a: { query: {} } } },
      'has query, which has no schema',
    ],
    [
      'an example of no answer',
      { examples: { a: { answer: 1 } } },
      'an answer 200, which has no schema',
    ],
    [
      'an example of older clients that does not fit',
      { earlier: { 1: { responses: { 200: City }, examples: { a: { answer: {} } } } } },
      'route, earlier "1": answer of example "a"',
    ],
  ])('is refused for %s', (_case, description, message) => {
    expect(() => route(description, () => undefined)).toThrow(message);
  });

  it('takes tags and problems of its factory, which knows what it has made', () => {
    const make = routes({ tags: ['cities'], problems: [404] });
    const one = make({ problems: [409] }, () => undefined);
    expect(make.made).toEqual([one]);
    expect(Object.getOwnPropertySymbols(one).map((key) => one[key as never])).toEqual([
      expect.objectContaining({ tags: ['cities'], problems: [404, 409] }),
    ]);
  });

  it('of one route alone is nothing that routes have in common', () => {
    expect(() => routes({ params: City } as never)).toThrow('routes: option "params" is unknown');
  });

  it('is left as it was', () => {
    const description = Object.freeze({ tags: Object.freeze(['a']), summary: undefined });
    expect(() => route(description, () => undefined)).not.toThrow();
    expect(description).toEqual({ tags: ['a'], summary: undefined });
  });
});

describe('types', () => {
  // Nothing here runs: the compiler is the test.
  const noWork = (): void => {
    route({ responses: { 200: City, 204: 'Gone' } }, (_req, res) => {
      res.json({ id: 1, name: 'Rome' });
      // @ts-expect-error the name is missing
      res.json({ id: 1 });
      // @ts-expect-error an id is a number
      res.json({ id: '1', name: 'Rome' });
    });
    route({ responses: { 200: { body: z.array(z.iso.datetime()) } } }, (_req, res) => {
      // What JSON makes of it counts, and nobody writes into it.
      const dates: readonly Date[] = [new Date()];
      res.json(dates);
      // @ts-expect-error no text and no date
      res.json([1]);
    });
    route({ query: z.object({ limit: z.coerce.number() }) }, (req, res) => {
      const limit: number = req.valid.query.limit;
      // @ts-expect-error there is no schema of the body
      void req.valid.body;
      // Without a schema anything may be sent; the request is Express' own.
      res.json({ limit, agent: req.get('user-agent') });
    });
  };

  it('are held by the compiler', () => {
    expect(noWork).toBeInstanceOf(Function);
  });
});

function raise(): never {
  throw new Error('deliberate');
}
