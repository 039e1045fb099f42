/** The same answers in a whole: the pipeline ahead of Express, the handlers behind its routes. */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { defineMiddleware, ProblemError } from '@org/core';
import { recordExchanges } from '@org/core/testing';
import { errors } from '@org/errors';
import { setup } from '@org/setup';

test('under setup, errors of routes, of components and of nobody are answered', async () => {
  const recorder = recordExchanges();
  const gate = defineMiddleware({
    name: 'gate',
    phase: 'protect',
    step: ({ req }) => {
      if (req.path === '/closed')
        throw new ProblemError({ code: 'ERR_CLOSED', status: 403, detail: 'Closed.' });
    },
  });
  const app = express();
  const stack = setup(app, [recorder.middleware, gate, errors({ expose: false })]);
  app.get('/fails/:id', () => {
    throw new Error('secret');
  });
  const { port } = (await stack.listen(0, '127.0.0.1')).address() as AddressInfo;
  const ask = async (path: string, method: string = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { allow: answer.headers.get('allow'), ...((await answer.json()) as object) };
  };
  try {
    expect(await ask('/fails/1')).toMatchObject({ code: 'ERR_INTERNAL', status: 500 });
    expect(await ask('/closed')).toMatchObject({ code: 'ERR_CLOSED', detail: 'Closed.' });
    expect(await ask('/nowhere')).toMatchObject({ code: 'ERR_NOT_FOUND' });
    expect(await ask('/fails/1', 'POST')).toMatchObject({ allow: 'GET, HEAD, OPTIONS' });
    const routes = (await recorder.waitFor(4)).map(({ route }) => route);
    expect(routes).toEqual(['/fails/:id', undefined, undefined, '/fails/:id']);
  } finally {
    await stack.close();
  }
});
