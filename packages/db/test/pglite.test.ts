/** Sessions on the one connection of PGlite. */
import { fakeClock } from '@org/core/testing';
import { db, type DbOptions, pglite } from '@org/db';

import { startPglite, type TestPglite } from './pglite-instance.ts';
import { serviceWith } from './service.ts';
import { describeSessions } from './session-suite.ts';

let instance: TestPglite;
beforeAll(async () => {
  instance = await startPglite();
});
afterAll(() => instance?.close());

describe('sessions on PGlite', () => {
  describeSessions(() => pglite(instance));
});

describe('the one connection', () => {
  test('is not waited for by whom it is held: both places are told at once', async () => {
    const data = db({ driver: pglite(instance) });
    async function holdsTheConnection(): Promise<void> {
      await data.session().transaction(async (tx) => {
        await tx.query('select 1');
        await asksForAnother(tx);
      });
    }
    async function asksForAnother(tx: { transaction: typeof transaction }): Promise<void> {
      await tx.transaction((inner) => inner.query('select 2'), { propagation: 'requires-new' });
    }
    const { transaction } = data.session();
    const error: unknown = await holdsTheConnection().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_SELF_DEADLOCK', status: 500 });
    const { message } = error as Error;
    const [, holder = '', waiter = ''] = /was taken\n([^]*)\nand another is asked for\n([^]*)/.exec(
      message,
    )!;
    expect(holder).toContain('holdsTheConnection');
    expect(waiter).toContain('asksForAnother');
    // And nothing is stuck.
    expect((await data.session().query('select 3 as three')).rows).toEqual([{ three: 3 }]);
    await data.close();
  });

  test('is waited for only so long; then the one who has it is named', async () => {
    const clock = fakeClock();
    const given: Partial<DbOptions> = { driver: pglite(instance), acquireTimeoutMs: 500, clock };
    let waiting: Promise<unknown> = Promise.resolve();
    const { url, data, close } = await serviceWith(given, (app, sessions) => {
      app.get('/holds/:id', async (req, res) => {
        await sessions.of(req).transaction(async function takesItsTime(tx) {
          await tx.query('select 42');
          waiting = data.session().query('select 1');
          await Promise.resolve();
          clock.advance(500);
          await waiting.catch(() => undefined);
        });
        res.json({});
      });
    });
    expect((await fetch(`${url}/holds/1`)).status).toBe(200);
    const error: unknown = await waiting.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_DATABASE_BUSY', status: 503, expose: false });
    expect((error as Error).message).toMatch(
      /held by GET \/holds\/:id, since 500 ms, from [^ ]*pglite\.test\.ts:\d+:\d+, with the last statement "select 42"\. It was taken\n/,
    );
    await close();
  });

  test('has a line of bounded length, in its order', async () => {
    const data = db({ driver: pglite(instance), maxWaiting: 2 });
    const held = data.session().begin();
    await held.query('select 1');
    const order: string[] = [];
    const waits = ['first', 'second'].map((name) =>
      data
        .session()
        .query('select 1')
        .then(() => order.push(name)),
    );
    await expect(data.session().query('select 1')).rejects.toMatchObject({
      code: 'ERR_DATABASE_BUSY',
    });
    expect(data.stats()).toMatchObject({ pool: { inUse: 1, waiting: 2, saturationRatio: 1 } });
    await held.commit();
    await Promise.all(waits);
    expect(order).toEqual(['first', 'second']);
    await data.close();
  });

  test('is refused to all who wait for it at the end', async () => {
    const data = db({ driver: pglite(instance) });
    const held = data.session().begin();
    await held.query('select 1');
    const waiting = data.session().query('select 1');
    const refused = waiting.catch((error: unknown) => error);
    await new Promise(setImmediate);
    await data.close();
    expect(await refused).toMatchObject({ code: 'ERR_DATABASE_CLOSED' });
    await expect(data.session().query('select 1')).rejects.toMatchObject({
      code: 'ERR_DATABASE_CLOSED',
    });
    await held.rollback();
  });
});
