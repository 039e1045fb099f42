import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express, { type Express, type RequestHandler } from 'express';
import * as fc from 'fast-check';
import { type Exchange, exchangeOf, internalRequest } from '@org/core';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  batch,
  BATCH_CHANNEL,
  type BatchContext,
  type Batcher,
  type BatcherOptions,
  type BatchEvent,
  createBatcher,
} from '@org/batch';

const served: Served[] = [];
afterEach(async () => {
  for (const one of served.splice(0)) await one.close();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Asked {
  readonly keys: readonly number[];
  readonly context: BatchContext;
  /** Answers each key with its tenfold. */
  land(): void;
  fail(error: Error): void;
}

/** A batcher whose batches land when a test says so. */
function held(options: Partial<BatcherOptions<number>> = {}): {
  batcher: Batcher<number, number>;
  asked: Asked[];
} {
  const asked: Asked[] = [];
  const batcher = createBatcher<number, number>(
    (keys, context) =>
      new Promise((resolve, reject) => {
        const land = (): void => resolve(keys.map((key) => key * 10));
        asked.push({ keys, context, land, fail: reject });
      }),
    options,
  );
  return { batcher, asked };
}

/** An exchange as a handler has it, for as long as a test wants. */
async function exchangeWith(
  clock?: FakeClock,
  headers: Record<string, string> = {},
): Promise<{ exchange: Exchange; end: () => Promise<void>; cut: () => Promise<void> }> {
  const cutting = new AbortController();
  let exchange: Exchange | undefined;
  const over = internalRequest(
    express().get('/', () => undefined),
    {
      url: '/',
      headers: { host: 'x', ...headers },
      signal: cutting.signal,
      ...(clock === undefined ? {} : { clock }),
    },
    (one) => (exchange = one),
  );
  return {
    exchange: exchange!,
    async end() {
      exchange!.res.end();
      await over;
    },
    async cut() {
      cutting.abort();
      await over;
    },
  };
}

async function start(app: Express): Promise<string> {
  const one = await serve(app);
  served.push(one);
  return one.url;
}

describe('a batcher', () => {
  test('loads for nobody in particular: in batches, each key once, and remembers nothing', async () => {
    const asked: (readonly number[])[] = [];
    const batcher = createBatcher<number, number>(async (keys) => {
      asked.push(keys);
      return keys;
    });
    expect(await Promise.all([1, 2, 1].map((key) => batcher.load(key)))).toEqual([1, 2, 1]);
    expect(await batcher.loadMany([1, 2])).toEqual([1, 2]);
    expect(asked).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(batcher.stats()).toMatchObject({
      loadsTotal: 5,
      dedupedTotal: 1,
      keysTotal: 4,
      batchesTotal: 2,
      meanBatchSize: 2,
      pending: 0,
    });
    expect(() => batcher.load(undefined as never)).toThrow('load() takes a key');
  });

  test('tells its function the request, the transaction and nothing else', async () => {
    const { batcher, asked } = held();
    const { exchange, end } = await exchangeWith();
    const transaction = {};
    const loads = [
      batcher.for(exchange, transaction).load(1),
      batcher.loader(transaction).load(2),
      batcher.load(3),
    ];
    await turn();
    expect(asked.map(({ context }) => [context.exchange, context.transaction])).toEqual([
      [exchange, transaction],
      [undefined, transaction],
      [undefined, undefined],
    ]);
    for (const one of asked) one.land();
    expect(await Promise.all(loads)).toEqual([10, 20, 30]);
    await end();
  });

  test('refuses wrong options by name, and what is no function', () => {
    const load = async <T>(keys: T): Promise<T> => keys;
    expect(() => createBatcher(load as never, { maxBatchSise: 1 } as never)).toThrow(
      'did you mean "maxBatchSize"',
    );
    expect(() => createBatcher(load as never, { windowMs: -1 })).toThrow('"windowMs"');
    expect(() => createBatcher('no' as never)).toThrow('takes a function');
    expect(() => createBatcher(load as never, { maxBatchSize: Infinity })).not.toThrow();
    expect(() => createBatcher<1, 1>(load as never).for({} as never)).toThrow('for() takes');
  });

  test('is bounded: beyond its most pending keys loads are refused, and let in again', async () => {
    const { batcher, asked } = held({ maxPending: 2 });
    const loader = batcher.loader();
    const first = loader.loadMany([1, 2]);
    const refused = { code: 'ERR_BATCH_FULL', status: 503, headers: { 'Retry-After': '1' } };
    await expect(loader.load(3)).rejects.toMatchObject(refused);
    await expect(batcher.load(3)).rejects.toMatchObject(refused);
    // What is known needs no room.
    const known = loader.load(1);
    await turn();
    asked[0]!.land();
    expect([await first, await known]).toEqual([[10, 20], 10]);
    const again = loader.load(3);
    await turn();
    asked[1]!.land();
    expect(await again).toBe(30);
    expect(batcher.stats()).toMatchObject({ refusedTotal: 2, pending: 0 });
  });

  test('tells of batches to its hook and on a channel, and survives a hook that throws', async () => {
    const clock = fakeClock();
    const events: BatchEvent[] = [];
    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    const { batcher, asked } = held({ name: 'numbers', clock, onBatch: (one) => events.push(one) });
    subscribe(BATCH_CHANNEL, listen);
    const loads = batcher.loader().loadMany([1, 2]);
    await turn();
    clock.advance(7);
    asked[0]!.land();
    await loads;
    const failing = batcher.load(1);
    await turn();
    asked[1]!.fail(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    unsubscribe(BATCH_CHANNEL, listen);
    expect(events).toEqual([
      { name: 'numbers', keys: 2, loads: 2, waitedMs: 0, durationMs: 7 },
      { name: 'numbers', keys: 1, loads: 1, waitedMs: 0, durationMs: 0, error: new Error('away') },
    ]);
    expect(heard).toEqual(events);
    expect(batcher.stats()).toMatchObject({ failedBatchesTotal: 1 });
  });

  test('gives every load its own value, whatever is loaded in whichever order (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(12), fc.nat(3), fc.boolean()), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (steps, maxBatchSize, shared) => {
          const batcher = createBatcher<number, string>(
            async (keys) => {
              expect(keys.length).toBeLessThanOrEqual(maxBatchSize);
              expect(new Set(keys).size).toBe(keys.length);
              await turn();
              return keys.map((key) => (key === 7 ? new Error('seven') : `value ${key}`));
            },
            { maxBatchSize, shared, windowMs: 5 },
          );
          const requests = await Promise.all([exchangeWith(), exchangeWith(), exchangeWith()]);
          const loads: Promise<void>[] = [];
          for (const [key, who, pause] of steps) {
            const request = requests[who];
            const load =
              request === undefined ? batcher.load(key) : batcher.for(request.exchange).load(key);
            loads.push(
              load.then(
                (value) => expect(value).toBe(`value ${key}`),
                (error: Error) => expect([key, error.message]).toEqual([7, 'seven']),
              ),
            );
            if (pause) await turn();
          }
          await Promise.all(loads);
          expect(batcher.stats()).toMatchObject({ pending: 0, partitions: 0 });
          for (const { end } of requests) await end();
          batcher.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('the loader of a request', () => {
  test('is the same for the request, its response and its exchange, and another for another', async () => {
    const { batcher } = held();
    const loaders: unknown[] = [];
    const app = express().get('/', (req, res) => {
      loaders.push(batcher.for(req), batcher.for(res), batcher.for(exchangeOf(req, res)));
      res.end();
    });
    const url = await start(app);
    await fetch(url);
    await fetch(url);
    expect(loaders[0]).toBe(loaders[1]);
    expect(loaders[0]).toBe(loaders[2]);
    expect(loaders[0]).not.toBe(loaders[3]);
  });

  test('remembers for its request only, and is batched with no other', async () => {
    const asked: (readonly string[])[] = [];
    const batcher = createBatcher<string, string>(async (keys) => {
      asked.push(keys);
      return keys;
    });
    const app = express().get('/', async (req, res) => {
      const loader = batcher.for(req);
      await loader.loadMany(['a', 'b']);
      res.json([await loader.load('a'), await batcher.for(res).load('b')]);
    });
    const url = await start(app);
    const answers = await Promise.all([fetch(url), fetch(url)]);
    expect(await Promise.all(answers.map((one) => one.json()))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(asked).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('loads inside a transaction apart from outside, and remembers apart', async () => {
    const { batcher, asked } = held();
    const { exchange, end } = await exchangeWith();
    const [one, other] = [{}, {}];
    const loads = [undefined, one, other].map((trx) => batcher.for(exchange, trx).load(1));
    expect(batcher.for(exchange, one)).toBe(batcher.for(exchange, one));
    await turn();
    expect(asked.map(({ context }) => context.transaction)).toEqual([undefined, one, other]);
    for (const { land } of asked) land();
    await Promise.all(loads);
    await end();
  });

  test('gives up with its request, for its reason, and tells the batch function', async () => {
    const { batcher, asked } = held();
    const { exchange, end } = await exchangeWith();
    const loads = [batcher.for(exchange).load(1), batcher.for(exchange).load(2)];
    // Nobody listens to this one: a client that leaves must not end the process.
    void batcher.for(exchange).load(3);
    await turn();
    const { signal } = asked[0]!.context;
    expect(signal.aborted).toBe(false);
    const reason = new Error('too late');
    exchange.abort(reason);
    for (const load of loads) await expect(load).rejects.toBe(reason);
    expect(signal.aborted).toBe(true);
    await expect(batcher.for(exchange).load(4)).rejects.toBe(reason);
    asked[0]!.land();
    await turn();
    expect(batcher.stats()).toMatchObject({ abandonedTotal: 3, pending: 0 });
    expect(asked).toHaveLength(1);
    await end();
  });

  test('is not asked for what was given up before its batch left', async () => {
    const { batcher, asked } = held();
    const { exchange, end } = await exchangeWith();
    const load = batcher.for(exchange).load(1);
    exchange.abort(new Error('gone'));
    await expect(load).rejects.toThrow('gone');
    await turn();
    expect(asked).toEqual([]);
    await end();
  });

  test('gives up when the client leaves', async () => {
    const { batcher, asked } = held();
    let failure: unknown;
    const app = express().get('/', async (req, res) => {
      failure = await batcher
        .for(req)
        .load(1)
        .catch((error: unknown) => error);
      res.destroy();
    });
    const url = await start(app);
    const client = new AbortController();
    const fetching = fetch(url, { signal: client.signal }).catch(() => undefined);
    while (asked.length === 0) await turn();
    const gone = once(asked[0]!.context.signal, 'abort');
    client.abort();
    await gone;
    await fetching;
    await turn();
    expect(failure).toMatchObject({ code: 'ERR_CLIENT_CLOSED' });
  });
});

describe('a shared batcher', () => {
  /** Lets a first batch leave, so that the next one waits. */
  async function busy(options: Partial<BatcherOptions<number>> = {}) {
    const clock = fakeClock();
    const { batcher, asked } = held({ shared: true, clock, partition: 'none', ...options });
    const first = await exchangeWith(clock);
    const pending = batcher.for(first.exchange).load(0);
    await turn();
    expect(asked.map(({ keys }) => keys)).toEqual([[0]]);
    return { clock, batcher, asked, first, pending };
  }

  test('waits for nothing while nothing is under way', async () => {
    const { clock, asked, batcher, pending, first } = await busy();
    expect(clock.pending).toBe(0);
    asked[0]!.land();
    expect(await pending).toBe(0);
    expect(batcher.stats()).toMatchObject({ waitedBatchesTotal: 0, partitions: 0 });
    await first.end();
  });

  test('gathers the loads of several requests while a batch is under way, each key once', async () => {
    const { clock, batcher, asked, pending, first } = await busy();
    const requests = await Promise.all([1, 2, 3].map(() => exchangeWith(clock)));
    const loads = requests.map(({ exchange }, at) => batcher.for(exchange).loadMany([7, at + 1]));
    await turn();
    expect(asked).toHaveLength(1);
    asked[0]!.land();
    await pending;
    await turn();
    expect(asked[1]!.keys).toEqual([7, 1, 2, 3]);
    asked[1]!.land();
    expect(await Promise.all(loads)).toEqual([
      [70, 10],
      [70, 20],
      [70, 30],
    ]);
    expect(batcher.stats()).toMatchObject({ dedupedTotal: 2, waitedBatchesTotal: 1 });
    for (const { end } of [first, ...requests]) await end();
  });

  test('takes what follows from a batch that has landed along in the next', async () => {
    const { clock, batcher, asked, pending, first } = await busy();
    const other = await exchangeWith(clock);
    const follow = pending.then(() => batcher.for(first.exchange).load(2));
    const load = batcher.for(other.exchange).load(1);
    asked[0]!.land();
    await turn();
    expect(asked[1]!.keys).toEqual([1, 2]);
    asked[1]!.land();
    expect(await Promise.all([follow, load])).toEqual([20, 10]);
    for (const { end } of [first, other]) await end();
  });

  test('waits for its window at most', async () => {
    const { clock, batcher, asked, first } = await busy({ windowMs: 50 });
    const other = await exchangeWith(clock);
    void batcher.for(other.exchange).load(1);
    clock.advance(49);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    expect(asked[1]!.keys).toEqual([1]);
    expect(batcher.stats()).toMatchObject({ waitedBatchesTotal: 1, waitedMsTotal: 50 });
    for (const { land } of asked) land();
    await turn();
    for (const { end } of [first, other]) await end();
  });

  test('waits no longer once it is full', async () => {
    const { clock, batcher, asked, first } = await busy({ maxBatchSize: 2 });
    const other = await exchangeWith(clock);
    const loads = batcher.for(other.exchange).loadMany([1, 2, 3]);
    await turn();
    expect(asked.slice(1).map(({ keys }) => keys)).toEqual([[1, 2]]);
    clock.advance(50);
    expect(asked.slice(1).map(({ keys }) => keys)).toEqual([[1, 2], [3]]);
    for (const { land } of asked) land();
    expect(await loads).toEqual([10, 20, 30]);
    for (const { end } of [first, other]) await end();
  });

  /** A batch that waits for a request with time and for one whose deadline comes in `deadlineMs`. */
  async function urgent(deadlineMs: number) {
    const { clock, batcher, asked, first } = await busy({ windowMs: 50, deadlineMarginMs: 10 });
    const [patient, hasty] = await Promise.all([exchangeWith(clock), exchangeWith(clock)]);
    hasty.exchange.deadlineMs = clock.monotonicMs() + deadlineMs;
    void batcher.for(patient.exchange).load(1);
    void batcher.for(hasty.exchange).load(2);
    await turn();
    const end = async (): Promise<void> => {
      for (const { land } of asked) land();
      await turn();
      for (const one of [first, patient, hasty]) await one.end();
    };
    return { clock, asked, end };
  }

  test('leaves ahead of the earliest deadline', async () => {
    const { clock, asked, end } = await urgent(30);
    clock.advance(19);
    await turn();
    expect(asked).toHaveLength(1);
    clock.advance(1);
    expect(asked[1]!.keys).toEqual([1, 2]);
    await end();
  });

  test('leaves at once where a deadline leaves no time to wait', async () => {
    const { asked, end } = await urgent(5);
    expect(asked[1]!.keys).toEqual([1, 2]);
    await end();
  });

  test('goes on for others when one of its requests gives up', async () => {
    const { clock, batcher, asked, first, pending } = await busy();
    const [one, other] = await Promise.all([exchangeWith(clock), exchangeWith(clock)]);
    const [leaving, staying, both] = [
      batcher.for(one.exchange).loadMany([1, 2]),
      batcher.for(other.exchange).load(2),
      batcher.for(other.exchange).load(3),
    ];
    one.exchange.abort(new Error('gone'));
    expect(await leaving).toEqual([new Error('gone'), new Error('gone')]);
    asked[0]!.land();
    await pending;
    await turn();
    // The key that nobody else wants is not asked for.
    expect(asked[1]!.keys).toEqual([2, 3]);
    expect(asked[1]!.context.signal.aborted).toBe(false);
    asked[1]!.land();
    expect(await Promise.all([staying, both])).toEqual([20, 30]);
    for (const { end } of [first, one, other]) await end();
  });

  test('lets nobody wait for what is known, though others wait', async () => {
    const { batcher, asked, first, pending } = await busy();
    const loader = batcher.for(first.exchange).prime(5, 50);
    const waiting = loader.load(1);
    expect(await loader.load(5)).toBe(50);
    expect(asked).toHaveLength(1);
    asked[0]!.land();
    await pending;
    await turn();
    asked[1]!.land();
    expect(await waiting).toBe(10);
    expect(batcher.stats()).toMatchObject({ hitsTotal: 1 });
    await first.end();
  });

  test('caches for each request by itself', async () => {
    const { clock, batcher, asked, first, pending } = await busy();
    asked[0]!.land();
    await pending;
    expect(await batcher.for(first.exchange).load(0)).toBe(0);
    expect(asked).toHaveLength(1);
    const other = await exchangeWith(clock);
    const load = batcher.for(other.exchange).load(0);
    await turn();
    expect(asked).toHaveLength(2);
    asked[1]!.land();
    expect(await load).toBe(0);
    for (const { end } of [first, other]) await end();
  });

  /** The batches that three loads of one tick become. */
  async function together(
    options: Partial<BatcherOptions<number>>,
    make: ((at: number) => Record<string, string>) | undefined,
    change: (exchange: Exchange, at: number) => unknown = () => undefined,
  ): Promise<(readonly number[])[]> {
    const { batcher, asked } = held({ shared: true, ...options });
    const requests = await Promise.all([0, 1, 2].map((at) => exchangeWith(undefined, make?.(at))));
    const loads = requests.map(({ exchange }, at) => {
      const transaction = change(exchange, at);
      return batcher.for(exchange, transaction as object | undefined).load(at);
    });
    await turn();
    for (const { land } of asked) land();
    await Promise.all(loads);
    for (const { end } of requests) await end();
    return asked.map(({ keys }) => keys);
  }

  test('keeps callers apart: by principal, and by credentials where there is none', async () => {
    const apart = [[0, 2], [1]];
    expect(await together({}, undefined)).toEqual([[0, 1, 2]]);
    expect(await together({}, (at) => ({ authorization: `Bearer ${at % 2}` }))).toEqual(apart);
    expect(await together({}, (at) => ({ cookie: `session=${at % 2}` }))).toEqual(apart);
    expect(await together({}, (at) => ({ 'x-api-key': `${at % 2}` }))).toEqual(apart);
    const named = (exchange: Exchange, at: number): void => {
      exchange.principal = `user ${at % 2}`;
    };
    expect(await together({}, undefined, named)).toEqual(apart);
    // A principal is not taken for credentials, though its name be what those are written as.
    const text = JSON.stringify(['ada', ...Array(7).fill(null)]);
    const mixed = (exchange: Exchange, at: number): void => {
      if (at === 1) exchange.principal = text;
    };
    expect(await together({}, (at) => (at === 1 ? {} : { authorization: 'ada' }), mixed)).toEqual(
      apart,
    );
  });

  test('keeps apart by a partition of one’s own, by tenant and by transaction', async () => {
    const apart = [[0, 2], [1]];
    const keyed = (at: number): Record<string, string> => ({ 'x-part': `${at % 2}` });
    const part = ({ req }: Exchange): string | undefined => req.get('x-part');
    expect(await together({ partition: part }, keyed)).toEqual(apart);
    expect(await together({ tenant: part }, keyed)).toEqual(apart);
    const transactions = [{}, {}];
    expect(await together({}, undefined, (_exchange, at) => transactions[at % 2])).toEqual(apart);
    expect(await together({ partition: 'none' }, (at) => ({ authorization: `${at}` }))).toEqual([
      [0, 1, 2],
    ]);
  });

  test('is not read as personal by keeping callers apart', async () => {
    const { exchange, end } = await exchangeWith();
    void held({ shared: true }).batcher.for(exchange).load(1);
    expect(exchange.principalRead).toBe(false);
    await end();
  });

  test('shares no more than its most partitions, and forgets them when they are done', async () => {
    const { batcher, asked } = held({ shared: true, maxPartitions: 2 });
    const requests = await Promise.all(
      [0, 1, 2, 2].map((at) => exchangeWith(undefined, { authorization: `Bearer ${at}` })),
    );
    const loads = requests.map(({ exchange }, at) => batcher.for(exchange).load(at));
    expect(batcher.stats()).toMatchObject({ partitions: 2 });
    await turn();
    expect(asked.map(({ keys }) => keys)).toEqual([[0], [1], [2], [3]]);
    for (const { land } of asked) land();
    await Promise.all(loads);
    expect(batcher.stats()).toMatchObject({ partitions: 0 });
    for (const { end } of requests) await end();
  });

  test('waits no more once it is closed, and leaves no timer', async () => {
    const { clock, batcher, asked, first } = await busy();
    const other = await exchangeWith(clock);
    const waiting = batcher.for(other.exchange).load(1);
    expect(clock.pending).toBe(1);
    batcher.close();
    batcher.close();
    expect(clock.pending).toBe(0);
    expect(asked[1]!.keys).toEqual([1]);
    const later = batcher.for(other.exchange).load(2);
    await turn();
    expect([asked[2]!.keys, clock.pending]).toEqual([[2], 0]);
    for (const { land } of asked) land();
    expect(await Promise.all([waiting, later])).toEqual([10, 20]);
    for (const { end } of [first, other]) await end();
  });

  test('has one timer, however many partitions wait', async () => {
    const clock = fakeClock();
    const { batcher, asked } = held({ shared: true, clock });
    const requests = await Promise.all(
      [0, 1, 2].map((at) => exchangeWith(clock, { authorization: `Bearer ${at}` })),
    );
    for (const { exchange } of requests) void batcher.for(exchange).load(0);
    await turn();
    for (const { exchange } of requests) {
      void batcher.for(exchange).load(1);
      clock.advance(10);
    }
    expect([asked.length, clock.pending]).toEqual([3, 1]);
    clock.advance(20);
    expect(asked.length).toBe(4);
    clock.advance(20);
    expect([asked.length, clock.pending]).toEqual([6, 0]);
    for (const { land } of asked) land();
    await turn();
    for (const { end } of requests) await end();
  });
});

describe('batch', () => {
  const identity = async (keys: readonly number[]): Promise<readonly number[]> => keys;

  test('makes batchers with its options, over which theirs win, and shows their numbers', async () => {
    const batching = batch({ maxBatchSize: 2 });
    const sizes: number[] = [];
    const load = async (keys: readonly number[]): Promise<readonly number[]> => {
      sizes.push(keys.length);
      return keys;
    };
    await batching.batcher('by two', load, { maxBatchSize: undefined }).loadMany([1, 2, 3]);
    await batching.batcher('by three', load, { maxBatchSize: 3 }).loadMany([1, 2, 3]);
    expect(sizes).toEqual([2, 1, 3]);
    expect(batching.stats?.()).toMatchObject({
      batchers: {
        'by two': { keysTotal: 3, batchesTotal: 2, meanBatchSize: 1.5 },
        'by three': { keysTotal: 3, batchesTotal: 1 },
      },
    });
  });

  test('refuses a second batcher of a name, which one made per request would be', () => {
    const batching = batch();
    batching.batcher('numbers', identity);
    expect(() => batching.batcher('numbers', identity)).toThrow('ask for(req) of it');
    expect(() => batching.batcher('other', identity, { windowMs: -1 })).toThrow('"windowMs"');
  });

  test('serves handlers on a bare app, in a sub-router and under setup', async () => {
    const batching = batch();
    const numbers = batching.batcher('numbers', identity);
    const handler: RequestHandler = async (req, res) => {
      res.json(await numbers.for(req).loadMany([1, 2]));
    };
    const bare = express().use(batching).get('/', handler);
    const sub = express().use('/', express.Router().use(batch()).get('/', handler));
    for (const app of [bare, sub]) {
      expect(await (await fetch(await start(app))).json()).toEqual([1, 2]);
    }
    const app = express();
    const stack = setup(app, [batching]);
    app.get('/', handler);
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    expect(await (await fetch(`http://127.0.0.1:${port}`)).json()).toEqual([1, 2]);
    await stack.close();
  });

  test('answers a load that was refused as the problem that it is', async () => {
    const { batcher } = held({ maxPending: 1 });
    const app = express();
    const stack = setup(app, []);
    app.get('/', async (req, res) => {
      void batcher.for(req).load(1);
      res.json(await batcher.for(req).load(2));
    });
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const answer = await fetch(`http://127.0.0.1:${port}`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    await stack.close();
  });
});
