/** What the router's list says of an address; the answers to 405 and OPTIONS are tested where they are given. */
import { allowedMethods, allowHeader } from '@org/core';
import { serve } from '@org/core/testing';
import express, { type RequestHandler, Router } from 'express';

const fine: RequestHandler = (_req, res) => void res.end();

test('routes that are added are seen at once, wherever they are; methods of a listed route within a second', async () => {
  const look = allowedMethods();
  let nowMs = 0;
  const app = express();
  app.use((req, res) => {
    const found = look(req, nowMs);
    res.send(found === undefined ? 'none' : `${found.pattern} ${allowHeader(found.methods)}`);
  });
  const { url, close } = await serve(app);
  const ask = async (path: string): Promise<string> => (await fetch(url + path)).text();
  try {
    expect(await ask('/a')).toBe('none');
    const route = app.route('/a').get(fine);
    expect(await ask('/a')).toBe('/a GET, HEAD, OPTIONS');
    const nested = Router();
    app.use('/n', Router().use('/:id', nested));
    expect(await ask('/n/1/b')).toBe('none');
    nested.put('/b', fine);
    expect(await ask('/n/1/b')).toBe('/n/:id/b PUT, OPTIONS');
    route.delete(fine);
    nowMs = 1000;
    expect(await ask('/a')).toBe('/a GET, DELETE, HEAD, OPTIONS');
  } finally {
    await close();
  }
});

test('all methods stand for any', async () => {
  const look = allowedMethods();
  const app = express();
  app.use((req, res) => void res.json([look(req, 0)?.takes('GET'), look(req, 0)?.takes('PURGE')]));
  app.all('/all', fine);
  app.get('/get', fine);
  const { url, close } = await serve(app);
  try {
    expect(await (await fetch(`${url}/all`)).json()).toEqual([true, true]);
    expect(await (await fetch(`${url}/get`)).json()).toEqual([true, false]);
  } finally {
    await close();
  }
});
