/** What a session promises, on whichever database. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { hasCode } from '@org/core';
import { fakeClock } from '@org/core/testing';
import {
  db,
  type Db,
  type Driver,
  QUERY_CHANNEL,
  type QueryEvent,
  type Session,
  type Transaction,
} from '@org/db';

import { serviceWith, type TestService } from './service.ts';

const SERIALIZABLE = { isolation: 'serializable' } as const;

/** Declares the tests; `driver` makes one for each of them. */
export function describeSessions(driver: () => Driver): void {
  let data: Db;
  let session: Session;
  let service: TestService | undefined;
  beforeEach(async () => {
    data = db({ driver: driver() });
    session = data.session();
    await session.query('drop table if exists notes');
    await session.query('create table notes (id int primary key, text text)');
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
    await data.close();
  });

  const insert = (into: Session, id: number): Promise<unknown> =>
    into.query('insert into notes values ($1, $2)', [id, `note ${id}`]);
  const ids = async (): Promise<number[]> => {
    const { rows } = await data.session().query<{ id: number }>('select id from notes order by id');
    return rows.map(({ id }) => id);
  };
  const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no error',
      (error: { code?: string }) => error.code,
    );

  /** What is told until the end, and its lines, if they are read. */
  const hearing = (reads: boolean = true) => {
    const events: QueryEvent[] = [];
    const lines: unknown[] = [];
    const hear = (told: unknown): void => {
      events.push(told as QueryEvent);
      if (reads) lines.push((told as QueryEvent).callSite);
    };
    subscribe(QUERY_CHANNEL, hear);
    return { events, lines, end: () => unsubscribe(QUERY_CHANNEL, hear) };
  };

  describe('a statement', () => {
    test('brings its rows, how many, its command and its columns', async () => {
      await insert(session, 1);
      const read = await session.query('select id, text from notes where id = $1', [1]);
      expect(read).toMatchObject({
        rows: [{ id: 1, text: 'note 1' }],
        rowCount: 1,
        command: 'SELECT',
      });
      expect(read.fields.map(({ name }) => name)).toEqual(['id', 'text']);
      const changed = await session.query("update notes set text = 'x'");
      expect([changed.rowCount, changed.command]).toEqual([1, 'UPDATE']);
    });

    test("fails with the server's own error, and leaves the session usable", async () => {
      await insert(session, 1);
      expect(await codeOf(insert(session, 1))).toBe('23505');
      expect(await ids()).toEqual([1]);
    });

    test('brings rows as lists where they are asked for', async () => {
      const { rows } = await session.query({ text: 'select 1 as a, 2 as b', rowMode: 'array' });
      expect(rows).toEqual([[1, 2]]);
    });

    test('tells whoever subscribes: its text without values, how long, and from which line', async () => {
      const heard = hearing();
      await insert(session, 7);
      await insert(session, 7).catch(() => undefined);
      await session.transaction((tx) => tx.query('select 1'));
      heard.end();
      await insert(session, 8);
      expect(heard.events).toHaveLength(3);
      const [first, second] = heard.events as [QueryEvent, QueryEvent];
      expect(first).toMatchObject({ text: 'insert into notes values ($1, $2)', rows: 1 });
      expect(first.error).toBeUndefined();
      expect(first.durationMs).toBeGreaterThanOrEqual(0);
      expect(JSON.stringify(first)).not.toContain('note 7');
      expect(second.error).toMatchObject({ code: '23505' });
      for (const line of heard.lines) expect(line).toMatch(/session-suite\.ts:\d+/);
    });

    test('remembers its place from the second time on; of the first, who awaits it is looked up', async () => {
      const heard = hearing(false);
      const capture = jest.spyOn(Error, 'captureStackTrace');
      // The watch over the pool remembers places of its own.
      const remembered = () =>
        capture.mock.calls.filter(([, below]) => below === session.query).length;
      await session.query('select 1 as one');
      await session.query('select 2 as two');
      expect(remembered()).toBe(0);
      await session.query('select 1 as one');
      expect(remembered()).toBe(1);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let more = 0; more < 60; more++) await session.query('select 1 as one');
      expect(remembered()).toBe(50);
      capture.mockRestore();
      heard.end();
      // Once it has been told, somebody else is at work: better no line than a wrong one.
      const lines = heard.events.map(({ callSite }) => callSite);
      expect(lines.slice(0, 3)).toEqual([
        undefined,
        undefined,
        expect.stringMatching(/session-suite\.ts:\d+/),
      ]);
    });
  });

  describe('a transaction', () => {
    test('is committed when its work resolves, and rolled back when it rejects', async () => {
      expect(await session.transaction((tx) => insert(tx, 1).then(() => 'done'))).toBe('done');
      const failed = session.transaction(async (tx) => {
        await insert(tx, 2);
        throw new Error('on second thoughts');
      });
      await expect(failed).rejects.toThrow('on second thoughts');
      expect(await ids()).toEqual([1]);
      expect(data.stats()).toMatchObject({
        transactions: { active: 0, begunTotal: 2, committedTotal: 1, rolledBackTotal: 1 },
      });
    });

    test('that is being committed takes no more of what is asked of the session', async () => {
      const open = session.begin();
      await insert(open, 1);
      const end = open.commit();
      // The commit is under way: no word of it has come back.
      const asked = codeOf(session.query('select 1'));
      await end;
      expect(await asked).toBe('no error');
    });

    test('takes no connection before its first statement', async () => {
      const before = data.stats() as { pool: { acquiredTotal: number } };
      await session.transaction(async () => 'nothing');
      expect(data.stats()).toMatchObject({
        pool: { acquiredTotal: before.pool.acquiredTotal },
        transactions: { begunTotal: 0 },
      });
    });

    test('has in it what is asked of the session meanwhile', async () => {
      const failed = session.transaction(async () => {
        await insert(session, 1);
        throw new Error('all of it');
      });
      await expect(failed).rejects.toThrow('all of it');
      expect(await ids()).toEqual([]);
    });

    test('runs statements that are asked for at once one after the other', async () => {
      await session.transaction(async (tx) => {
        await Promise.all([1, 2, 3].map((id) => insert(tx, id)));
      });
      expect(await ids()).toEqual([1, 2, 3]);
    });

    test('refuses work once it has ended, and says where that was', async () => {
      let kept: Transaction | undefined;
      await session.transaction(async (tx) => {
        kept = tx;
        await insert(tx, 1);
      });
      expect(kept?.isOpen).toBe(false);
      const late = insert(kept!, 2);
      expect(await codeOf(late)).toBe('ERR_TRANSACTION_FINISHED');
      await expect(late).rejects.toThrow(/was committed[^]*session-suite\.ts/);
      expect(await codeOf(kept!.transaction((tx) => insert(tx, 3)))).toBe(
        'ERR_TRANSACTION_FINISHED',
      );
      expect(await ids()).toEqual([1]);
    });

    test('is not committed after a statement of it has failed, though its work went on', async () => {
      const lied = session.transaction(async (tx) => {
        await insert(tx, 1);
        await insert(tx, 1).catch(() => undefined);
      });
      const error: unknown = await lied.catch((reason: unknown) => reason);
      expect(hasCode(error, 'ERR_TRANSACTION_ROLLED_BACK')).toBe(true);
      expect((error as Error).cause).toMatchObject({ code: '23505' });
      expect(await ids()).toEqual([]);
    });

    test('waits for statements that nobody has awaited', async () => {
      await session.transaction(async (tx) => {
        void insert(tx, 1);
      });
      expect(await ids()).toEqual([1]);
    });

    test('may be read-only', async () => {
      const wrote = session.transaction((tx) => insert(tx, 1), { readOnly: true });
      expect(await codeOf(wrote)).toBe('25006');
    });

    test('has the isolation that it asks for', async () => {
      const level = await session.transaction(
        async (tx) => {
          const { rows } = await tx.query('show transaction isolation level');
          return rows;
        },
        { isolation: 'serializable' },
      );
      expect(level).toEqual([{ transaction_isolation: 'serializable' }]);
    });

    test('refuses options that it does not know', async () => {
      const wrong = session.transaction(() => Promise.resolve(), { readonly: true } as never);
      await expect(wrong).rejects.toThrow(
        'transaction: option "readonly" is unknown; did you mean "readOnly"?',
      );
    });
  });

  describe('a transaction in a transaction', () => {
    test('takes part in it, and fails it as a whole', async () => {
      const failed = session.transaction(async (tx) => {
        await insert(tx, 1);
        await session
          .transaction(async (inner) => {
            await insert(inner, 2);
            throw new Error('the inner part');
          })
          .catch(() => undefined);
      });
      const error: unknown = await failed.catch((reason: unknown) => reason);
      expect(hasCode(error, 'ERR_TRANSACTION_ROLLED_BACK')).toBe(true);
      expect((error as Error).cause).toMatchObject({ message: 'the inner part' });
      expect(await ids()).toEqual([]);
    });

    test('is committed with it, also where nobody awaits it', async () => {
      await session.transaction(async (tx) => {
        void tx.transaction(async (inner) => {
          await insert(inner, 1);
          await insert(inner, 2);
        });
      });
      expect(await ids()).toEqual([1, 2]);
    });

    test('as a savepoint is taken back alone', async () => {
      await session.transaction(async (tx) => {
        await insert(tx, 1);
        const part = tx.transaction(
          async (inner) => {
            await insert(inner, 2);
            await insert(inner, 1);
          },
          { propagation: 'savepoint' },
        );
        expect(await codeOf(part)).toBe('23505');
        await tx.transaction((inner) => insert(inner, 3), { propagation: 'savepoint' });
      });
      expect(await ids()).toEqual([1, 3]);
    });

    test('as a savepoint in a savepoint ends with what is around it', async () => {
      const savepoint = { propagation: 'savepoint' } as const;
      let kept: Transaction | undefined;
      await session.transaction(async (tx) => {
        await insert(tx, 1);
        await tx
          .transaction(async (outer) => {
            await insert(outer, 2);
            await outer.transaction(async (inner) => {
              kept = inner;
              await insert(inner, 3);
            }, savepoint);
            throw new Error('the outer part');
          }, savepoint)
          .catch(() => undefined);
        expect(await codeOf(insert(kept!, 4))).toBe('ERR_TRANSACTION_FINISHED');
      });
      expect(await ids()).toEqual([1]);
    });

    test('cannot ask for more than the one around it has', async () => {
      const wants = (outer: object, inner: object): Promise<unknown> =>
        codeOf(
          session.transaction(
            (tx) => tx.transaction(() => Promise.resolve(), inner as never),
            outer,
          ),
        );
      expect(await wants({ readOnly: true }, {})).toBe('ERR_TRANSACTION_MISMATCH');
      expect(await wants({}, { isolation: 'serializable' })).toBe('ERR_TRANSACTION_MISMATCH');
      expect(await wants({ isolation: 'serializable' }, { isolation: 'repeatable read' })).toBe(
        'no error',
      );
      expect(await wants({ readOnly: true }, { readOnly: true })).toBe('no error');
    });
  });

  describe('a part of a transaction', () => {
    test('by a savepoint has the isolation and the access of the whole', async () => {
      const inner = session.transaction(
        (tx) =>
          tx.transaction((part) => part.transaction((last) => insert(last, 1), SERIALIZABLE), {
            propagation: 'savepoint',
            readOnly: true,
          }),
        SERIALIZABLE,
      );
      expect(await codeOf(inner)).toBe('no error');
      expect(await ids()).toEqual([1]);
    });
  });

  describe('a transaction that is ended by hand', () => {
    test('twice at once is committed once, and the second is told', async () => {
      const open = session.begin();
      await insert(open, 1);
      const part = open.begin({ propagation: 'savepoint' });
      const ends = [open.commit(), open.commit()].map((end) => codeOf(end));
      await part.commit();
      expect(await Promise.all(ends)).toEqual(['no error', 'ERR_TRANSACTION_FINISHED']);
      expect(await ids()).toEqual([1]);
    });

    test('is committed or rolled back once', async () => {
      const open = session.begin();
      await insert(open, 1);
      await open.commit();
      await open.rollback();
      const other = session.begin();
      await insert(other, 2);
      await other.rollback();
      expect(await codeOf(other.commit())).toBe('ERR_TRANSACTION_FINISHED');
      expect(await ids()).toEqual([1]);
    });
  });

  describe.each(['setup', 'app.use'] as const)('the unit of work of a request, by %s', (how) => {
    const start = async (options: Parameters<typeof serviceWith>[0] = {}): Promise<string> => {
      service = await serviceWith(
        { driver: driver(), unitOfWork: true, ...options },
        (app, sessions) => {
          app.post('/notes/:id', async (req, res) => {
            const own = sessions.of(req);
            await insert(own, Number(req.params.id));
            // A service of the app's that knows nothing of the one above.
            await own.transaction((tx) => insert(tx, Number(req.params.id) + 100));
            if (req.query['fail'] === 'throw') throw new Error('on second thoughts');
            if (req.query['fail'] === 'head') {
              res.writeHead(500);
              res.end('no');
              return;
            }
            res.status(Number(req.query['status'] ?? 201)).json({ id: req.params.id });
          });
          app.get('/notes/stream', async (req, res) => {
            await insert(sessions.of(req), 9);
            res.write('one ');
            res.write('two ');
            res.end('three');
          });
          app.get('/late', async (req, res) => {
            const own = sessions.of(req);
            await insert(own, 5);
            res.json({});
            res.locals['late'] = await codeOf(insert(own, 6));
            late = res.locals['late'];
          });
          app.get('/nothing', (req, res) => {
            sessions.of(req);
            res.json({});
          });
        },
        how,
      );
      return service.url;
    };
    let late: unknown;
    const post = (url: string, path: string): Promise<Response> =>
      fetch(url + path, { method: 'POST' });

    test('is committed before its answer is there', async () => {
      const url = await start();
      const { status } = await post(url, '/notes/1');
      expect(status).toBe(201);
      expect(await ids()).toEqual([1, 101]);
    });

    test.each(['?fail=throw', '?fail=head', '?status=500', '?status=422'])(
      'is rolled back with %s',
      async (query) => {
        const url = await start();
        const { status } = await post(url, `/notes/1${query}`);
        expect(status).toBeGreaterThanOrEqual(422);
        await service!.close();
        service = undefined;
        expect(await ids()).toEqual([]);
      },
    );

    test('is committed by a rule of your own', async () => {
      const url = await start({ commitWhen: (status) => status < 500 });
      expect((await post(url, '/notes/1?status=404')).status).toBe(404);
      expect(await ids()).toEqual([1, 101]);
    });

    test('fails the answer where its commit fails, as a conflict', async () => {
      await data.session().query('drop table if exists twins');
      await data
        .session()
        .query('create table twins (id int unique deferrable initially deferred)');
      service = await serviceWith(
        { driver: driver(), unitOfWork: true },
        (app, sessions) => {
          app.post('/', async (req, res) => {
            await sessions.of(req).query('insert into twins values (1), (1)');
            res.set('ETag', '"made"').status(201).json({ made: true });
          });
        },
        how,
      );
      const answer = await post(service.url, '/');
      expect(answer.status).toBe(409);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.headers.get('etag')).toBeNull();
      expect(await answer.json()).toMatchObject({ status: 409, code: 'ERR_CONFLICT' });
      const { rows } = await data.session().query('select * from twins');
      expect(rows).toEqual([]);
    });

    test('is taken back when a part of it is never ended, and its answer waits no longer', async () => {
      const clock = fakeClock();
      let held: () => void = () => undefined;
      const answered = new Promise<void>((resolve) => (held = resolve));
      service = await serviceWith(
        { driver: driver(), unitOfWork: true, clock },
        (app, sessions) => {
          app.post('/', async (req, res) => {
            const forgotten = sessions.of(req).begin({ propagation: 'savepoint' });
            await insert(forgotten, 1);
            res.json({});
            held();
          });
        },
        how,
      );
      const answer = post(service.url, '/');
      await answered;
      clock.advance(30_000);
      expect((await answer).status).toBe(500);
      expect(await (await answer).json()).toMatchObject({ code: 'ERR_TRANSACTION_ROLLED_BACK' });
      expect(await ids()).toEqual([]);
    });

    test('is committed before the first part of a stream', async () => {
      const url = await start();
      const answer = await fetch(`${url}/notes/stream`);
      expect(await answer.text()).toBe('one two three');
      expect(await ids()).toEqual([9]);
    });

    test('refuses what comes after it', async () => {
      const url = await start();
      await (await fetch(`${url}/late`)).json();
      expect(late).toBe('ERR_TRANSACTION_FINISHED');
      expect(await ids()).toEqual([5]);
    });

    test('costs nothing where nothing is asked', async () => {
      const url = await start();
      expect((await fetch(`${url}/nothing`)).status).toBe(200);
      expect(service!.data.stats()).toMatchObject({
        transactions: { begunTotal: 0 },
        pool: { acquiredTotal: 0 },
      });
    });

    test('begun after the answer is none: what it does stays', async () => {
      let done: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => (done = resolve));
      service = await serviceWith(
        { driver: driver(), unitOfWork: true },
        (app, sessions) => {
          app.get('/', async (req, res) => {
            res.json({});
            await insert(sessions.of(req), 1);
            done();
          });
        },
        how,
      );
      await fetch(service.url);
      await ended;
      expect(await ids()).toEqual([1]);
    });

    test('is for the routes that ask for it', async () => {
      service = await serviceWith(
        { driver: driver(), routes: { '/whole/:id': true, '/whole/no': false } },
        (app, sessions) => {
          const fails = async (req: Parameters<typeof sessions.of>[0]): Promise<void> => {
            await insert(sessions.of(req), 1);
            throw new Error('on second thoughts');
          };
          app.get('/whole/:id', (req) => fails(req));
          app.get('/marked', sessions.unitOfWork({ isolation: 'serializable' }), async (req) =>
            fails(req),
          );
          app.get('/alone', (req) => fails(req));
        },
        how,
      );
      await fetch(`${service.url}/whole/1`);
      await fetch(`${service.url}/marked`);
      await service.data.session().query('select 1');
      expect(await ids()).toEqual([]);
      await fetch(`${service.url}/alone`);
      expect(await ids()).toEqual([1]);
    });
  });
}
