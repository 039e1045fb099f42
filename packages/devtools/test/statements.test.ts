import { channel } from 'node:diagnostics_channel';
import { type Exchange, exchangeOf } from '@org/core';
import { type Finding, FINDING_CHANNEL } from '@org/devtools';
import type { Express } from 'express';

import { shapeOf } from '../src/statements.ts';
import { closeTools, startTools } from './tools.ts';

afterEach(closeTools);

const queries = channel('@org/db:query');
const told = channel(FINDING_CHANNEL);

/** How many listen to each: channels are the process', and other tests of it may have left some. */
const listeners = (): number[] =>
  [queries, told].map(
    (one) => (one as { readonly _subscribers?: readonly unknown[] })._subscribers?.length ?? 0,
  );

/** An app that asks its database as a handler says. */
const asking =
  (ask: (exchange: Exchange) => void) =>
  (app: Express): void =>
    void app.get('/', (req, res) => {
      ask(exchangeOf(req, res));
      res.send('fine');
    });

const each = (exchange: Exchange, count: number): void => {
  for (let id = 0; id < count; id++) {
    const text = `SELECT name FROM country WHERE code = '${id}' AND n IN (1, 2)`;
    queries.publish({ exchange, text, durationMs: 2, rows: 1, callSite: 'src/list.ts:7' });
  }
};

describe('statements of one request', () => {
  it('that run again and again are shown, without their values', async () => {
    const { url, newest, api } = await startTools({
      routes: asking((exchange) => each(exchange, 5)),
    });
    await fetch(url);
    expect((await newest(1)).statements).toEqual({
      count: 5,
      durationMs: 10,
      repeated: [
        {
          text: 'SELECT name FROM country WHERE code = ? AND n IN (…)',
          count: 5,
          durationMs: 10,
          callSite: 'src/list.ts:7',
        },
      ],
    });
    expect((await api('/exchanges')).exchanges).toMatchObject([{ repeatedStatements: 1 }]);
  });

  it('are fine below the number that is asked for', async () => {
    const { url, newest } = await startTools({
      options: { repeatedStatements: 6 },
      routes: asking((exchange) => each(exchange, 5)),
    });
    await fetch(url);
    expect((await newest(1)).statements).toMatchObject({ count: 5, repeated: [] });
  });

  it('are told of by who knows better, whose word counts alone', async () => {
    const text = 'SELECT * FROM city WHERE id = $1';
    const suggestion = 'Load them by one statement.';
    const message = { type: 'n-plus-one', text, suggestion };
    const { url, newest } = await startTools({
      routes: asking((exchange) => {
        each(exchange, 9);
        for (const count of [3, 7]) told.publish({ exchange, count, ...message } satisfies Finding);
        told.publish({ exchange: undefined, count: 3, ...message } satisfies Finding);
        told.publish({ exchange, count: 9, ...message, type: 'slow' } satisfies Finding);
      }),
    });
    await fetch(url);
    expect((await newest(1)).statements.repeated).toEqual([{ text, suggestion, count: 7 }]);
  });

  it('are told apart up to a bound, and counted all the same', async () => {
    const { url, newest } = await startTools({
      routes: asking((exchange) => {
        for (let table = 0; table < 200; table++) {
          queries.publish({ exchange, text: `SELECT 1 FROM t_${table}`, durationMs: 1 });
        }
        each(exchange, 9);
      }),
    });
    await fetch(url);
    expect((await newest(1)).statements).toMatchObject({ count: 209, repeated: [] });
  });

  it('are no longer heard of once the tools are closed', async () => {
    const before = listeners();
    const { url, parts } = await startTools({ routes: asking(() => undefined) });
    await fetch(url);
    expect(listeners()).toEqual(before.map((count) => count + 1));
    await parts[0]!.close?.();
    expect(listeners()).toEqual(before);
  });

  it('are the same but for values and the length of lists', () => {
    expect(shapeOf("SELECT 'it''s',\n  12.5 FROM t1 WHERE a IN ($1, $2,$3)")).toBe(
      'SELECT ?, ? FROM t1 WHERE a IN (…)',
    );
  });
});
