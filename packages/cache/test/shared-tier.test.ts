/** Two tiers: memory in front of a store that several processes share, with a bus between them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type BusMessage,
  type Fault,
  FAULT_CHANNEL,
  type MaybePromise,
  memoryStore,
  type Store,
} from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import type { Response } from 'express';

import { closeOrigins, type Origin, origin, until } from './origin.ts';

afterEach(closeOrigins);

const HOST = { host: 'api.example' };

/** Two processes behind one name, on one store and one clock. */
async function pair(
  store: Store,
  clock: FakeClock,
  handle: (req: unknown, res: Response, call: number) => unknown = (_req, res) => res.send('hello'),
): Promise<readonly [Origin, Origin]> {
  const options = { ttlMs: 60_000, store, clock };
  return [await origin({ options, handle }), await origin({ options, handle })];
}

/** A store whose bus can be made deaf, and which can fail. */
function unreliable(clock: FakeClock): Store & { deaf: boolean; failing: boolean; calls: number } {
  const store = memoryStore({ clock });
  const state = { deaf: false, failing: false, calls: 0 };
  const guarded =
    <A extends unknown[], R>(call: (...args: A) => R): ((...args: A) => R) =>
    (...args) => {
      state.calls++;
      if (state.failing) throw new Error('deliberate');
      return call(...args);
    };
  return Object.assign(state, {
    ...store,
    get: guarded(store.get),
    set: guarded(store.set),
    versions: guarded(store.versions),
    bump: guarded(store.bump),
    publish: guarded(store.publish),
    subscribe: (channel: string, listener: (message: BusMessage) => void) =>
      store.subscribe(channel, (message) => {
        if (!state.deaf) listener(message);
      }),
  }) as never;
}

/** A store that goes back to the versions of tags that it had when it was saved, as after a failover. */
function forgetful(clock: FakeClock) {
  const store: Store = memoryStore({ clock });
  let last = 0;
  const current = new Map<string, number>();
  let saved: ReadonlyMap<string, number> = new Map();
  const made = {
    ...store,
    /** How many versions it was asked for. */
    asked: 0,
    save: () => void (saved = new Map(current)),
    forget(which: RegExp = /^/) {
      for (const tag of current.keys()) if (which.test(tag)) current.set(tag, saved.get(tag) ?? 0);
    },
    versions(names: readonly string[]): MaybePromise<readonly number[]> {
      made.asked += names.length;
      return names.map((tag) => current.get(tag) ?? 0);
    },
    bump: (names: readonly string[]) =>
      names.map((tag) => {
        current.set(tag, ++last);
        return last;
      }),
  };
  return made;
}

/** Lets time pass, and what comes about in it come to its end. */
async function seconds(clock: FakeClock, count: number): Promise<void> {
  for (let second = 0; second < count; second++) {
    clock.advance(1000);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }
}

const statusOf = async ({ get }: Origin, path = '/'): Promise<string> =>
  String((await get(path, HOST)).headers['cache-status']);

test('what one process has stored, another one sends without asking the application', async () => {
  const clock = fakeClock();
  const [one, other] = await pair(memoryStore({ clock }), clock, (_req, res) =>
    res.set('X-Of', 'the handler').json({ a: 'ü' }),
  );
  const first = await one.get('/?a=1', HOST);
  clock.advance(5000);
  const second = await other.get('/?a=1', HOST);
  expect(other.calls()).toBe(0);
  expect(second.body).toBe(first.body);
  expect(second.headers).toMatchObject({
    'x-of': 'the handler',
    etag: first.headers.etag,
    age: '5',
    'cache-status': 'express; hit; ttl=55',
  });
  // From its own memory now.
  await other.get('/?a=1', HOST);
  expect(other.cached.stats!()).toMatchObject({ shared: { hitsTotal: 1 }, hitsTotal: 2 });
});

test('answers that differ by Vary are found by what the request brings', async () => {
  const clock = fakeClock();
  const [one, other] = await pair(memoryStore({ clock }), clock, (req, res) =>
    res
      .vary('Accept-Language')
      .send((req as { headers: Record<string, string> }).headers['accept-language']),
  );
  for (const language of ['de', 'fr']) await one.get('/', { ...HOST, 'accept-language': language });
  for (const language of ['de', 'fr']) {
    expect((await other.get('/', { ...HOST, 'accept-language': language })).body).toBe(language);
  }
  expect(other.calls()).toBe(0);
  await other.get('/', { ...HOST, 'accept-language': 'it' });
  expect(other.calls()).toBe(1);
});

describe('an invalidation', () => {
  test('by address, by tag and of everything reaches memory and store of every process', async () => {
    const clock = fakeClock();
    const [one, other] = await pair(memoryStore({ clock }), clock, (_req, res) =>
      res.set('Cache-Groups', '"places"').send('x'),
    );
    for (const invalidate of [
      () => one.cached.invalidate({ urls: ['/'] }),
      () => one.cached.invalidate({ tags: ['places'] }),
      () => one.cached.clear(),
      () => one.get('/', HOST, 'DELETE'),
    ]) {
      await one.get('/', HOST);
      await other.get('/', HOST);
      expect(await statusOf(other)).toContain('hit');
      const before = other.calls();
      await invalidate();
      expect(await statusOf(other)).toContain('fwd=uri-miss');
      expect(other.calls()).toBe(before + 1);
    }
  });

  test('a soft one makes what the store has stale, too', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const [one, other] = await pair(store, clock, (_req, res) =>
      res.set({ 'Cache-Groups': '"places"', 'Cache-Control': 'max-age=60' }).send('x'),
    );
    await one.get('/', HOST);
    await one.cached.invalidate({ tags: ['places'], soft: true });
    expect(await statusOf(other)).toContain('fwd=stale');
  });

  test('holds for whoever reads while the store is still being told', async () => {
    const clock = fakeClock();
    const memory = memoryStore({ clock });
    let told = Promise.resolve();
    const store: Store = {
      ...memory,
      async bump(names: readonly string[]) {
        await told;
        return memory.bump(names);
      },
    };
    const [one, other] = await pair(store, clock, (_req, res, call) => res.send(`made ${call}`));
    await other.get('/elsewhere', HOST);
    expect((await one.get('/', HOST)).body).toBe('made 1');
    let tell = (): void => undefined;
    told = new Promise((resolve) => (tell = resolve));
    const invalidating = one.cached.invalidate({ urls: ['/'] });
    // What has not been invalidated is still found there.
    expect(await statusOf(one, '/elsewhere')).toContain('hit');
    expect((await one.get('/', HOST)).body).toBe('made 2');
    tell();
    await invalidating;
    expect((await one.get('/', HOST)).body).toBe('made 2');
  });

  test('that overtakes a fill in another process keeps it out of the store', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let held: Response | undefined;
    const [one, other] = await pair(store, clock, (_req, res, call) => {
      if (call === 1 && held === undefined) held = res;
      else res.send('new');
    });
    const filling = one.get('/', HOST);
    await until(() => held !== undefined);
    await other.cached.invalidate({ urls: ['/'] });
    held!.send('old');
    expect((await filling).body).toBe('old');
    expect((await other.get('/', HOST)).body).toBe('new');
    expect((await one.get('/', HOST)).body).toBe('new');
  });

  test('that comes between two nodes of a cluster keeps what was made before it from being current', async () => {
    const clock = fakeClock();
    const memory = memoryStore({ clock });
    let between: (() => Promise<void>) | undefined;
    // Each key is somewhere else: the first of a call is read, then somebody invalidates, then the rest.
    const store: Store = {
      ...memory,
      async versions(keys: readonly string[]) {
        const read: number[] = [];
        for (const key of keys) {
          read.push(...(await memory.versions([key])));
          const now = between;
          between = undefined;
          await now?.();
        }
        return read;
      },
    };
    const [one, other] = await pair(store, clock, async (_req, res, call) => {
      // From here on the next look at versions is that of the answer that is kept.
      if (call === 1) between = () => other.cached.invalidate({ urls: ['/'] });
      res.send(`made ${call}`);
    });
    await one.get('/', HOST);
    await until(() => between === undefined);
    await seconds(clock, 1);
    expect((await other.get('/', HOST)).headers['cache-status']).not.toContain('hit');
  });
});

describe('a gap in what is heard', () => {
  test('empties memory, when the next message has a number too high', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    await other.get('/', HOST);
    await one.cached.invalidate({ urls: ['/first'] });
    store.deaf = true;
    await one.cached.invalidate({ urls: ['/'] });
    store.deaf = false;
    expect(await statusOf(other)).toContain('hit');
    await one.cached.invalidate({ urls: ['/third'] });
    expect(await statusOf(other)).toContain('fwd=uri-miss');
    expect(other.cached.stats!()).toMatchObject({ shared: { gapsTotal: 1 } });
  });

  test('is none where a store failed while it was begun to be listened to: all is heard once', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    store.failing = true;
    await other.get('/', HOST);
    store.failing = false;
    await seconds(clock, 2);
    for (const path of ['/1', '/2', '/3']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await one.cached.invalidate({ urls: [path] });
    }
    expect(other.cached.stats!()).toMatchObject({ shared: { gapsTotal: 0 } });
  });

  test('is found on a bus that says nothing any more, by comparing counts', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    await other.get('/', HOST);
    store.deaf = true;
    await one.cached.invalidate({ urls: ['/'] });
    expect(await statusOf(other)).toContain('hit');
    await seconds(clock, 3);
    expect(await statusOf(other)).toContain('fwd=uri-miss');
  });

  test('is found in what came before it could be listened to', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let failing = true;
    const late: Store = {
      ...store,
      subscribe(...args) {
        if (failing) throw new Error('deliberate');
        return store.subscribe(...args);
      },
    };
    const options = { ttlMs: 60_000, clock };
    const one = await origin({ options: { ...options, store: late } });
    const other = await origin({ options: { ...options, store } });
    await one.get('/', HOST);
    await other.cached.invalidate({ urls: ['/'] });
    failing = false;
    expect(await statusOf(one)).toContain('hit');
    await seconds(clock, 3);
    expect(await statusOf(one)).toContain('fwd=uri-miss');
  });

  test('is found by comparing counts, although an own invalidation came after what was not heard', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    await one.get('/', HOST);
    store.deaf = true;
    await other.cached.invalidate({ urls: ['/'] });
    await one.cached.invalidate({ urls: ['/another'] });
    store.deaf = false;
    expect(await statusOf(one)).toContain('hit');
    await seconds(clock, 3);
    expect(await statusOf(one)).toContain('fwd=uri-miss');
  });
});

describe('a store that has forgotten an invalidation', () => {
  const shared = ({ cached }: Origin): unknown => cached.stats!()['shared'];

  /** Two processes that have had an answer invalidated, which a third one made that has ended. */
  async function invalidated(store: ReturnType<typeof forgetful>, clock: FakeClock, soft = false) {
    const [first] = await pair(store, clock, groups);
    await first.get('/', HOST);
    await first.close();
    store.save();
    const [knew, heard] = await pair(store, clock, groups);
    // From here on each of them listens.
    for (const one of [knew, heard]) await one.get('/elsewhere', HOST);
    await knew.cached.invalidate({ tags: ['places'], soft });
    return [knew, heard] as const;
  }
  const groups = (_req: unknown, res: Response): unknown =>
    res.set({ 'Cache-Groups': '"places"', 'Cache-Control': 'max-age=60' }).send('x');
  /** A process that has just begun. */
  const another = async (store: Store, clock: FakeClock): Promise<Origin> =>
    (await pair(store, clock, groups))[0];

  test.each([false, true])(
    'is not believed by who knew of it, nor by who heard (soft: %s)',
    async (soft) => {
      for (const at of [0, 1]) {
        const clock = fakeClock();
        const store = forgetful(clock);
        const both = await invalidated(store, clock, soft);
        store.forget();
        expect(await statusOf(both[at]!)).not.toContain('hit');
        expect(shared(both[at]!)).toMatchObject({ forgottenTotal: 1 });
        await seconds(clock, 1);
        const status = soft ? 'fwd=stale' : 'fwd=uri-miss';
        expect(await statusOf(await another(store, clock))).toContain(status);
      }
    },
  );

  test('is told again, and so is who has believed it meanwhile', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    await invalidated(store, clock);
    store.forget();
    const other = await another(store, clock);
    expect(await statusOf(other)).toContain('hit');
    await seconds(clock, 1);
    expect(await statusOf(other)).toContain('fwd=uri-miss');
    expect(await statusOf(await another(store, clock))).toContain('hit');
  });

  test('is told again by who heard of it, where the one who knew has died', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const [knew] = await invalidated(store, clock);
    await knew.close();
    store.forget();
    await seconds(clock, 1);
    expect(await statusOf(await another(store, clock))).toContain('fwd=uri-miss');
  });

  test('is told of everything, where more was invalidated than is remembered', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const [knew] = await invalidated(store, clock);
    const tags = Array.from({ length: 1000 }, (_, at) => `tag ${at}`);
    await knew.cached.invalidate({ tags });
    store.forget();
    await seconds(clock, 1);
    expect(await statusOf(await another(store, clock))).toContain('fwd=uri-miss');
  });

  test('is compared with a hundred tags a second, for a minute', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const [knew, heard] = await pair(store, clock, groups);
    await knew.get('/', HOST);
    await heard.close();
    await knew.cached.invalidate({ tags: Array.from({ length: 300 }, (_, at) => `tag ${at}`) });
    store.asked = 0;
    await seconds(clock, 10);
    // And the count of invalidations.
    expect(store.asked).toBe(10 * 101);
    await seconds(clock, 60);
    store.asked = 0;
    await seconds(clock, 10);
    expect(store.asked).toBe(10);
    store.forget();
    await seconds(clock, 10);
    expect(shared(knew)).toMatchObject({ forgottenTotal: 0 });
  });

  /** Has the next look at several versions that concerns an address read, and then wait. */
  function slow(store: ReturnType<typeof forgetful>, path: string) {
    const { versions } = store;
    let release: (() => void) | undefined;
    store.versions = async (names) => {
      const read = await versions(names);
      if (names.some((name) => name.endsWith(path)) && release === undefined) {
        await new Promise<void>((resolve) => (release = resolve));
      }
      return read;
    };
    return { begun: () => until(() => release !== undefined), release: () => release!() };
  }

  test('is none that was asked before it was told', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const [first, knew] = await pair(store, clock, groups);
    await first.get('/page', HOST);
    await knew.get('/elsewhere', HOST);
    const reading = slow(store, '/page');
    const asked = knew.get('/page', HOST);
    await reading.begun();
    await knew.cached.invalidate({ urls: ['/page'] });
    reading.release();
    await asked;
    expect(shared(knew)).toMatchObject({ forgottenTotal: 0 });
  });

  test('is not believed where it was read before another one was found out', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const [first, knew] = await pair(store, clock, groups);
    for (const path of ['/a', '/b']) await first.get(path, HOST);
    await knew.get('/elsewhere', HOST);
    store.save();
    await knew.cached.invalidate({ urls: ['/a', '/b'] });
    store.forget();
    const reading = slow(store, '/b');
    const asked = statusOf(knew, '/b');
    await reading.begun();
    expect(await statusOf(knew, '/a')).not.toContain('hit');
    reading.release();
    expect(await asked).not.toContain('hit');
  });

  test('is missed by none that has not heard of it, although the count alone has been forgotten', async () => {
    const clock = fakeClock();
    const store = forgetful(clock);
    const deaf: Store = { ...store, subscribe: () => () => undefined };
    const [knew] = await pair(store, clock, groups);
    const [other] = await pair(deaf, clock, groups);
    for (const one of [knew, other]) await one.get('/', HOST);
    await seconds(clock, 2);
    store.save();
    await knew.cached.invalidate({ tags: ['places'] });
    store.forget(/:count$/);
    expect(await statusOf(other)).toContain('hit');
    await seconds(clock, 4);
    expect(await statusOf(other)).toContain('fwd=uri-miss');
  });
});

describe('a store that fails', () => {
  test('is gone round, left alone, and used again once it works', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    await one.get('/warm', HOST);
    store.failing = true;
    for (const path of ['/a', '/b', '/c']) expect((await one.get(path, HOST)).status).toBe(200);
    const { calls } = store;
    for (const path of ['/d', '/e', '/f']) expect((await one.get(path, HOST)).status).toBe(200);
    expect(store.calls).toBe(calls);
    expect(await statusOf(one, '/a')).toContain('hit');
    expect(one.cached.health!(new AbortController().signal)).toMatchObject({ status: 'warn' });
    store.failing = false;
    await seconds(clock, 1);
    await one.get('/g', HOST);
    expect(await statusOf(other, '/g')).toContain('hit');
    expect(one.cached.health!(new AbortController().signal)).toEqual({ status: 'pass' });
  });

  test('is said in the answer not to have been heard: it may have had one', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one] = await pair(store, clock, (_req, res) => res.send('x'));
    expect(await statusOf(one, '/a')).toBe('express; fwd=uri-miss; stored');
    store.failing = true;
    for (const path of ['/b', '/c', '/d', '/left-alone']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await statusOf(one, path)).toBe(
        'express; fwd=uri-miss; stored; detail=store-unavailable',
      );
    }
  });

  test('is told what was invalidated meanwhile before it is believed again', async () => {
    const clock = fakeClock();
    const store = unreliable(clock);
    const [one, other] = await pair(store, clock);
    await one.get('/', HOST);
    await other.get('/', HOST);
    store.failing = true;
    await expect(one.cached.invalidate({ urls: ['/'] })).rejects.toThrow('deliberate');
    // Here it holds at once.
    expect(await statusOf(one)).toContain('fwd=uri-miss');
    store.failing = false;
    await seconds(clock, 2);
    expect(await statusOf(other)).toContain('fwd=uri-miss');
  });
});

test('a store that is away is asked by the comparison alone, and used within a second of its return', async () => {
  const clock = fakeClock();
  const store = unreliable(clock);
  const [one, other] = await pair(store, clock);
  await one.get('/warm', HOST);
  store.failing = true;
  await seconds(clock, 600);
  const { calls } = store;
  await one.get('/second', HOST);
  await expect(one.cached.invalidate({ urls: ['/second'] })).rejects.toMatchObject({
    code: 'ERR_STORE_UNAVAILABLE',
  });
  expect(store.calls).toBe(calls);
  store.failing = false;
  await seconds(clock, 1);
  await one.get('/third', HOST);
  expect(await statusOf(other, '/third')).toContain('hit');
});

test('an answer that is there when a busy loop gets to it is used, although its time is over', async () => {
  const clock = fakeClock();
  const store = unreliable(clock);
  const [one, other] = await pair(store, clock);
  await one.get('/', HOST);
  const { get } = store;
  let release: (() => void) | undefined;
  store.get = (...given) =>
    new Promise((resolve) => {
      release = () => resolve(get(...given));
    });
  const asked = statusOf(other);
  await until(() => release !== undefined);
  // Timers go before what has come over the network.
  clock.advance(50);
  release!();
  expect(await asked).toContain('hit');
});

test('an outage is reported once, however much is written meanwhile', async () => {
  const clock = fakeClock();
  const store = unreliable(clock);
  const [one] = await pair(store, clock, (_req, res) => res.send('written'));
  const reports: string[] = [];
  const hear = (message: unknown): void => void reports.push((message as Fault).where);
  subscribe(FAULT_CHANNEL, hear);
  try {
    await one.get('/', HOST);
    store.failing = true;
    for (let at = 0; at < 5; at++) await one.get(`/${at}`, HOST, 'PUT');
    await seconds(clock, 60);
    for (let at = 0; at < 5; at++) await one.get(`/${at}`, HOST, 'PUT');
    expect(reports).toEqual(['cache store']);
  } finally {
    unsubscribe(FAULT_CHANNEL, hear);
  }
});

test('closing ends the subscription and leaves no timer', async () => {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  const { cached, get } = await origin({ options: { ttlMs: 1000, store, clock } });
  await get('/');
  expect(store.stats!()).toMatchObject({ channels: 1 });
  await cached.close!();
  await cached.close!();
  expect(store.stats!()).toMatchObject({ channels: 0 });
  expect(clock.pending).toBe(0);
});
