/** The watch over statements, through a real socket; told by the channel of `@org/db`'s shape. */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { exchangeOf, type Exchange, type Fault, FAULT_CHANNEL } from '@org/core';
import { fakeClock, recordExchanges, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  query,
  QUERY_CHANNEL,
  type QueryFinding,
  type QueryOptions,
  type QueryRecord,
  type QueryWatch,
} from '@org/query';
import express, { type Express } from 'express';

const BY_CITY = 'select * from "trips" where "city_id" = $1';

/** Says of a statement what `@org/db` says. */
function tell(exchange: Exchange | undefined, text: string, more: Partial<QueryRecord> = {}): void {
  channel(QUERY_CHANNEL).publish({
    exchange,
    text,
    durationMs: 2,
    rows: 1,
    error: undefined,
    callSite: 'app/trips.ts:7:3',
    ...more,
  });
}

/** How many hear of statements: the channel is the process', and others may hear, too. */
function hearing(): number {
  const { _subscribers } = channel(QUERY_CHANNEL) as { _subscribers?: readonly unknown[] };
  return _subscribers?.length ?? 0;
}

describe.each(['app.use', 'setup'] as const)('by %s', (how) => {
  const clock = fakeClock();
  let watch: QueryWatch;
  let served: Served;
  let end: () => Promise<unknown>;
  const { middleware: recorder, waitFor } = recordExchanges();

  async function start(
    options: Partial<QueryOptions>,
    routes: (app: Express) => void,
  ): Promise<void> {
    watch = query({ clock, ...options });
    const app = express();
    if (how === 'app.use') {
      app.use(recorder, ...watch);
      routes(app);
      served = await serve(app);
      end = async () => watch.close();
    } else {
      const stack = setup(app, [watch]);
      app.use(recorder);
      routes(app);
      served = await serve(await stack.listen(0, '127.0.0.1'));
      end = () => stack.close();
    }
  }
  afterEach(async () => {
    await served.close();
    await end();
  });

  /** Asks `times` times for the trips of a city, each time from the same line. */
  const loop = (app: Express): void =>
    void app.get('/cities/:times', (req, res) => {
      const exchange = exchangeOf(req, res);
      for (let at = 0; at < Number(req.params.times); at++) tell(exchange, BY_CITY);
      res.json({ done: true });
    });

  test('counts the statements of requests, by route, and of no request', async () => {
    await start({}, loop);
    await fetch(`${served.url}/cities/3`);
    await fetch(`${served.url}/cities/1`);
    await fetch(`${served.url}/cities/0`);
    tell(undefined, 'select 1', { error: new Error('no') });
    expect(watch.stats()).toMatchObject({
      queriesTotal: 5,
      failedTotal: 1,
      slowTotal: 0,
      nPlusOneTotal: 0,
      statements: 2,
      requestsTotal: 2,
      perRequest: { queries: { p50: 1, max: 3 }, queryMs: { max: 6 } },
      routes: [
        {
          method: 'GET',
          route: '/cities/:times',
          requestsTotal: 2,
          queriesTotal: 4,
          queriesPerRequest: 2,
          maxQueries: 3,
          totalMs: 8,
        },
      ],
    });
  });

  test('tells of the routes that took the most time first', async () => {
    await start({}, (app) => {
      loop(app);
      app.get('/dear', loopOf('dear'));
    });
    for (const path of ['/cities/1', '/dear', '/dear']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await fetch(served.url + path);
    }
    await waitFor(3);
    expect(watch.stats()).toMatchObject({
      routes: [{ route: '/dear', totalMs: 4 }, { route: '/cities/:times' }],
    });
  });

  test('tells in Server-Timing how many there were, whom it may', async () => {
    await start({}, loop);
    const local = await fetch(`${served.url}/cities/9`);
    const one = await fetch(`${served.url}/cities/1`);
    const none = await fetch(`${served.url}/cities/0`);
    const stranger = await fetch(`${served.url}/cities/9`, {
      headers: { 'x-forwarded-for': '192.0.2.1' },
    });
    expect(local.headers.get('server-timing')).toBe('db;desc="9 queries";dur=18');
    expect(one.headers.get('server-timing')).toBe('db;desc="1 query";dur=2');
    expect(none.headers.get('server-timing')).toBeNull();
    expect(stranger.headers.get('server-timing')).toBeNull();
  });

  test.each([
    ['always', 'db;desc="1 query";dur=2'],
    ['never', null],
  ] as const)('Server-Timing may be had by %s', async (serverTiming, expected) => {
    await start({ serverTiming }, loop);
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    expect((await fetch(`${served.url}/cities/1`, { headers })).headers.get('server-timing')).toBe(
      expected,
    );
  });

  test('finds what one line asks for again and again, and says what to do', async () => {
    const findings: QueryFinding[] = [];
    await start({ onFinding: (finding) => void findings.push(finding) }, loop);
    await fetch(`${served.url}/cities/10`);
    expect(findings).toEqual([]);
    const answer = await fetch(`${served.url}/cities/25`);
    await waitFor(2);
    expect(answer.status).toBe(200);
    expect(findings).toEqual([
      expect.objectContaining({
        type: 'n-plus-one',
        method: 'GET',
        route: '/cities/:times',
        text: 'select * from "trips" where "city_id" = ?',
        callSite: 'app/trips.ts:7:3',
        count: 25,
        durationMs: 50,
        suggestion: expect.stringContaining(
          "eager(pool, { from: 'trips', foreignKey: 'city_id' })",
        ),
      }),
    ]);
    expect(watch.stats()['nPlusOneTotal']).toBe(1);
  });

  test('takes the same statement of several lines for no loop, nor other statements, nor control', async () => {
    const findings: QueryFinding[] = [];
    await start(
      { nPlusOneThreshold: 2, onFinding: (finding) => void findings.push(finding) },
      (app) => {
        app.get('/', (req, res) => {
          const exchange = exchangeOf(req, res);
          for (let line = 1; line <= 9; line++) {
            tell(exchange, BY_CITY, { callSite: `app/trips.ts:${line}:1` });
            tell(exchange, `select ${'a,'.repeat(line)} b from t`);
            tell(exchange, 'begin');
          }
          res.end();
        });
      },
    );
    await fetch(served.url);
    await waitFor(1);
    expect(findings).toEqual([]);
  });

  test('looks at no line before something is repeated, nor after it was found', async () => {
    let looks = 0;
    await start({ nPlusOneThreshold: 3, onFinding: () => undefined }, (app) => {
      app.get('/', (req, res) => {
        for (let at = 0; at < 20; at++) {
          channel(QUERY_CHANNEL).publish({
            exchange: exchangeOf(req, res),
            text: BY_CITY,
            durationMs: 1,
            get callSite() {
              looks++;
              return undefined;
            },
          });
        }
        res.end();
      });
    });
    await fetch(served.url);
    expect(looks).toBe(3);
  });

  test('answers 500 in the place of the handler where it is told to throw, and says why', async () => {
    await start({ nPlusOne: 'throw' }, loop);
    expect((await fetch(`${served.url}/cities/10`)).status).toBe(200);
    const answer = await fetch(`${served.url}/cities/11`);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({
      code: 'ERR_N_PLUS_ONE',
      detail: expect.stringMatching(
        /^GET \/cities\/:times asked 11 times for ".*" at app\/trips\.ts:7:3\. Load them by one statement/,
      ),
    });
  });

  test('leaves an error of the handler as it is, and what has left already', async () => {
    await start({ nPlusOne: 'throw' }, (app) => {
      app.get('/:status', (req, res) => {
        if (req.params.status === '200') res.flushHeaders();
        for (let at = 0; at < 20; at++) tell(exchangeOf(req, res), BY_CITY);
        res.status(Number(req.params.status)).end('its own');
      });
    });
    for (const status of [503, 200]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const answer = await fetch(`${served.url}/${status}`);
      expect(answer.status).toBe(status);
      // oxlint-disable-next-line no-await-in-loop
      expect(await answer.text()).toBe('its own');
    }
  });

  test('looks for what repeats among so many forms and lines of one request', async () => {
    const findings: QueryFinding[] = [];
    await start({ onFinding: (finding) => void findings.push(finding) }, (app) => {
      app.get('/:forms/:lines', (req, res) => {
        const exchange = exchangeOf(req, res);
        for (let at = 0; at < Number(req.params.forms); at++) tell(exchange, `select a${at}`);
        for (let at = 0; at <= Number(req.params.lines); at++) {
          tell(exchange, BY_CITY, { callSite: `app/trips.ts:${at}:1` });
        }
        for (let at = 0; at < 20; at++) tell(exchange, BY_CITY);
        res.end();
      });
    });
    for (const path of ['/200/0', '/199/50', '/199/49']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await fetch(served.url + path);
    }
    await waitFor(3);
    expect(findings.map(({ exchange }) => exchange?.req.url)).toEqual(['/199/49']);
  });

  test('warns once of each finding where nobody listens', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await start({}, loop);
    await fetch(`${served.url}/cities/11`);
    await fetch(`${served.url}/cities/12`);
    await waitFor(2);
    expect(emitWarning.mock.calls).toEqual([
      [
        expect.stringContaining('asked 11 times for'),
        { type: 'NPlusOneWarning', code: 'ERR_N_PLUS_ONE' },
      ],
    ]);
    emitWarning.mockRestore();
  });

  test('finds nothing where it is off', async () => {
    await start({ nPlusOne: 'off' }, loop);
    await fetch(`${served.url}/cities/50`);
    await waitFor(1);
    expect(watch.stats()).toMatchObject({ queriesTotal: 50, nPlusOneTotal: 0 });
  });

  test('shows operators forms, findings and slow ones, and never a value', async () => {
    const findings: QueryFinding[] = [];
    await start(
      { slowAfterMs: 100, maxFindings: 2, onFinding: (finding) => void findings.push(finding) },
      (app) => {
        loop(app);
        app.get('/slow', (req, res) => {
          const exchange = exchangeOf(req, res);
          tell(exchange, "select * from users where email = 'ada@example.org'", {
            durationMs: 100,
            rows: 3,
          });
          for (let at = 1; at <= 2; at++)
            tell(exchange, `select ${'c,'.repeat(at)} d from t`, { durationMs: 100 * at });
          res.end();
        });
      },
    );
    await fetch(`${served.url}/cities/11`);
    await fetch(`${served.url}/slow`);
    await waitFor(2);
    const answer = await fetch(`${served.url}/api/middleware/queries`);
    const text = await answer.text();
    expect(text).not.toContain('ada@');
    const document = JSON.parse(text) as { top: object[]; slow: object[]; nPlusOne: object[] };
    expect(document).toMatchObject({
      slowTotal: 3,
      top: expect.arrayContaining([
        {
          id: expect.stringMatching(/^[\da-f]{8}$/),
          text: 'select * from users where email = ?',
          callsTotal: 1,
          failedTotal: 0,
          rowsTotal: 3,
          totalMs: 100,
          durationMs: { p50: 97.742, p95: 97.742, p99: 97.742, max: 100 },
        },
      ]),
      nPlusOne: [{ route: '/cities/:times', count: 11, times: 1, at: clock.now() }],
    });
    expect(document.slow).toEqual([
      expect.objectContaining({
        text: 'select c,c, d from t',
        durationMs: 200,
        route: '/slow',
        callSite: 'app/trips.ts:7:3',
      }),
      expect.objectContaining({ text: 'select c, d from t' }),
    ]);
    expect(findings.map(({ type }) => type).toSorted()).toEqual([
      'n-plus-one',
      'slow',
      'slow',
      'slow',
    ]);
    const stranger = await fetch(`${served.url}/api/middleware/queries`, {
      headers: { 'x-forwarded-for': '192.0.2.1' },
    });
    expect(stranger.status).toBe(403);
  });

  test('says why there is no plan', async () => {
    await start({}, loop);
    await fetch(served.url);
    tell(undefined, 'begin');
    await expect(watch.explain('00000000')).rejects.toMatchObject({
      code: 'ERR_QUERY_UNKNOWN',
      status: 404,
    });
    const { top } = (await (await fetch(`${served.url}/api/middleware/queries`)).json()) as {
      top: { id: string }[];
    };
    await expect(watch.explain(top[0]!.id)).rejects.toMatchObject({
      code: 'ERR_NO_PLAN',
      status: 422,
    });
    expect((await fetch(`${served.url}/api/middleware/queries/${top[0]!.id}/plan`)).status).toBe(
      422,
    );
  });

  test('keeps so many forms and routes, and counts all others as one', async () => {
    await start({ maxStatements: 2, maxRoutes: 1 }, (app) => {
      loop(app);
      app.get('/:name/*rest', loopOf('other'));
    });
    await fetch(`${served.url}/cities/1`);
    for (let at = 1; at <= 5; at++) tell(undefined, `select ${'c,'.repeat(at)} d from t`);
    await fetch(`${served.url}/a/b`);
    await waitFor(2);
    expect(watch.stats()).toMatchObject({
      queriesTotal: 7,
      statements: 2,
      overflowedTotal: 5,
      routes: expect.arrayContaining([expect.objectContaining({ route: '(others)' })]),
    });
  });

  test('forgets what was not asked for of late, so that what is new is still found to repeat', async () => {
    const findings: QueryFinding[] = [];
    await start({ maxStatements: 20, onFinding: (finding) => void findings.push(finding) }, loop);
    await fetch(`${served.url}/cities/0`);
    tell(undefined, 'select old');
    for (let at = 1; at <= 30; at++) {
      clock.advance(1);
      tell(undefined, 'select often');
      tell(undefined, `select ${'c,'.repeat(at)} d from t`);
    }
    await fetch(`${served.url}/cities/11`);
    await waitFor(2);
    expect(findings.map(({ text }) => text)).toEqual(['select * from "trips" where "city_id" = ?']);
    tell(undefined, 'select once');
    tell(undefined, `select ${'c,'.repeat(30)} d from t`);
    tell(undefined, 'select older than this');
    tell(undefined, 'select c, d from t');
    const document = await (await fetch(`${served.url}/api/middleware/queries`)).json();
    const calls = new Map(
      (document as { top: { text: string; callsTotal: number }[] }).top.map((one) => [
        one.text,
        one.callsTotal,
      ]),
    );
    expect(calls.get('select often')).toBe(30);
    expect(calls.has('select old')).toBe(false);
    expect(calls.get('select c, d from t')).toBe(1);
    expect([...calls.values()].reduce((sum, count) => sum + count)).toBe(76);
    expect(document).toMatchObject({ overflowedTotal: calls.get('(others)') });
  });

  test('hears from its start or its first request on, and nothing more once it is closed', async () => {
    const before = hearing();
    await start({}, loop);
    expect(hearing()).toBe(how === 'setup' ? before + 1 : before);
    for (const part of watch) void part.start?.();
    await fetch(`${served.url}/cities/1`);
    await fetch(`${served.url}/cities/1`);
    expect(hearing()).toBe(before + 1);
    watch.close();
    expect(hearing()).toBe(before);
    await fetch(`${served.url}/cities/11`);
    expect(hearing()).toBe(before);
    expect(watch.stats()).toMatchObject({ queriesTotal: 2 });
  });

  test('lets no statement harm whoever tells of it', async () => {
    const faults: Fault[] = [];
    const note = (fault: unknown): void => void faults.push(fault as Fault);
    await start({}, loop);
    await fetch(`${served.url}/cities/0`);
    subscribe(FAULT_CHANNEL, note);
    tell(undefined, undefined as never);
    watch.record(undefined as never);
    unsubscribe(FAULT_CHANNEL, note);
    expect(faults.map(({ where }) => where)).toEqual(['query record', 'query record']);
  });
});

function loopOf(text: string): express.RequestHandler {
  return (req, res) => {
    tell(exchangeOf(req, res), `select * from ${text}`);
    res.end();
  };
}

test('of two in a process each hears of its own requests, and both of what belongs to none', async () => {
  const [one, other] = [query(), query()];
  const served = await Promise.all(
    [one, other].map((watch) => {
      const app = express();
      app.use(watch);
      app.get('/', loopOf('trips'));
      return serve(app);
    }),
  );
  for (const [at, { url }] of served.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (let asked = 0; asked <= at; asked++) await fetch(url);
  }
  expect(one.stats()).toMatchObject({ queriesTotal: 1, requestsTotal: 1 });
  expect(other.stats()).toMatchObject({ queriesTotal: 2, requestsTotal: 2 });
  tell(undefined, 'select 1');
  // A request of an app that neither of them watches.
  const unwatched = express();
  unwatched.get('/', loopOf('trips'));
  const third = await serve(unwatched);
  await fetch(third.url);
  expect(one.stats()).toMatchObject({ queriesTotal: 2 });
  expect(other.stats()).toMatchObject({ queriesTotal: 3 });
  await Promise.all([...served, third].map((each) => each.close()));
  one.close();
  other.close();
});

test('in an app within an app, both watches know the request', async () => {
  const [outer, inner] = [query(), query()];
  const app = express();
  const mounted = express();
  app.use(outer);
  mounted.use(inner);
  mounted.get('/', loopOf('trips'));
  app.use('/mounted', mounted);
  const served = await serve(app);
  await (await fetch(`${served.url}/mounted`)).text();
  expect(outer.stats()).toMatchObject({ requestsTotal: 1 });
  expect(inner.stats()).toMatchObject({ requestsTotal: 1 });
  await served.close();
  outer.close();
  inner.close();
});

test('counts statements whose time nobody knows, and adds nothing for them', async () => {
  const watch = query();
  const app = express();
  app.use(watch);
  app.get('/', (req, res) => {
    const exchange = exchangeOf(req, res);
    watch.record({ exchange, text: 'select 1', durationMs: Number.NaN });
    watch.record({ exchange, text: 'select 1' } as never);
    watch.record({ exchange, text: 'select 1', durationMs: 3 });
    res.end();
  });
  const served = await serve(app);
  const answer = await fetch(served.url);
  expect(answer.headers.get('server-timing')).toBe('db;desc="3 queries";dur=3');
  const document = await (await fetch(`${served.url}/api/middleware/queries`)).json();
  expect(document).toMatchObject({ top: [{ callsTotal: 3, totalMs: 3 }] });
  await served.close();
  watch.close();
});

const GENERIC = 'Ask once for all of them, by … = any($1), or load them in batches by eager(…).';
const byOne = (from: string, key: string): string =>
  `Load them by one statement: eager(pool, { from: '${from}', foreignKey: '${key}' }) for the rows of each, eager(pool, { from: '${from}', key: '${key}' }) for the one of each.`;

test.each([
  ['select * from trips where city_id = $1', byOne('trips', 'city_id')],
  ['select t.* from geo.trips as t where t.city_id = $1 limit 3', byOne('geo.trips', 'city_id')],
  ['select "a" from "trips" where "trips"."city_id" = $1 and b = 2', byOne('trips', 'city_id')],
  ['select * from trips t join cities c on c.id = t.city_id where c.name = $1', GENERIC],
  ['select * from trips, cities where cities.id = $1', GENERIC],
  ['select now()', GENERIC],
  ['insert into trips (id) values ($1)', expect.stringContaining('unnest')],
  ['update trips set a = $1 where id = $2', expect.stringContaining('where id = any($1)')],
  ['select * from trips order by id limit $1 offset $2', expect.stringContaining('keyset')],
])('of %j it says what to do', async (text, suggestion) => {
  const findings: QueryFinding[] = [];
  const watch = query({
    nPlusOneThreshold: 1,
    onFinding: (finding) => void findings.push(finding),
  });
  const app = express();
  app.use(watch);
  app.get('/', (req, res) => {
    for (let at = 0; at < 2; at++) tell(exchangeOf(req, res), text);
    res.end();
  });
  const served = await serve(app);
  await (await fetch(served.url)).text();
  await served.close();
  watch.close();
  expect(findings.map((finding) => finding.suggestion)).toEqual([suggestion]);
});
