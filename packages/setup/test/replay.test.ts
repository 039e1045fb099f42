/** A write that is answered from its idempotency record, under a cache. */
import { cache } from '@org/cache';
import { memoryStore } from '@org/core';
import { idempotency } from '@org/dedup';
import { setup, type Stack } from '@org/setup';
import express from 'express';

test('invalidates as its first answer was to, which may have died before it could', async () => {
  const store = memoryStore();
  let city = 'Athens';
  // One process for writes, and one that has cached what they change.
  const serve = async (shown: ReturnType<typeof cache>): Promise<[Stack, string]> => {
    const app = express();
    const stack = setup(app, [shown, idempotency({ store })]);
    app.use(express.json());
    app.get('/city', (_req, res) => void res.json(city));
    app.post('/city', (_req, res) => {
      city = 'Sparta';
      res.sendStatus(204);
    });
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    return [stack, `http://127.0.0.1:${port}/city`];
  };
  const [first, firstUrl] = await serve(cache());
  const [second, secondUrl] = await serve(cache());
  const write = (url: string): Promise<Response> =>
    fetch(url, { method: 'POST', headers: { 'idempotency-key': 'k' } });
  const read = async (): Promise<unknown> => (await fetch(secondUrl)).json();

  expect(await read()).toBe('Athens');
  expect((await write(firstUrl)).headers.get('idempotency-replayed')).toBeNull();
  // It has heard of nothing.
  expect(await read()).toBe('Athens');
  const replay = await write(secondUrl);
  expect([replay.status, replay.headers.get('idempotency-replayed')]).toEqual([204, 'true']);
  expect(await read()).toBe('Sparta');
  await Promise.all([first.close(), second.close()]);
});
