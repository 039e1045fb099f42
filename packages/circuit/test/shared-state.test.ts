/** What processes know of each other's circuits. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type Bus,
  FAULT_CHANNEL,
  type KeyValueStore,
  memoryStore,
  storeUnavailable,
} from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { type Circuit, circuit, type CircuitOptions } from '@org/circuit';

const made: { close(): unknown }[] = [];
const faults: unknown[] = [];
const listen = (fault: unknown): void => void faults.push(fault);
beforeEach(() => {
  faults.length = 0;
  subscribe(FAULT_CHANNEL, listen);
});
afterEach(async () => {
  unsubscribe(FAULT_CHANNEL, listen);
  for (const one of made.splice(0).toReversed()) await one.close();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type SharedStore = KeyValueStore & Bus;

/** A process of several that share a store and a clock. */
async function make(
  store: SharedStore,
  clock: FakeClock,
  options: Partial<CircuitOptions> = {},
): Promise<Circuit> {
  const one = circuit({
    strategies: ['consecutive'],
    consecutiveFailures: 2,
    halfOpenCalls: 1,
    closeRatio: 0,
    openMs: 1000,
    openJitterRatio: 0,
    store,
    clock,
    ...options,
  });
  made.push(one);
  await one.start();
  return one;
}

function shared(): { store: SharedStore; clock: FakeClock } {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  made.push(store as { close(): unknown });
  return { store, clock };
}

async function trip(one: Pick<Circuit, 'run'>): Promise<void> {
  for (let at = 0; at < 2; at++) {
    await one.run(() => Promise.reject(new Error('no'))).catch(() => undefined);
  }
  await turn();
}

const kindOf = (one: Circuit): string => one.breaker.state.kind;

test('what opens in one opens in the others, and each finds out for itself', async () => {
  const { store, clock } = shared();
  const [a, b] = [await make(store, clock), await make(store, clock)];
  await trip(a);
  expect(b.breaker.state).toEqual(a.breaker.state);
  clock.advance(1000);
  expect([kindOf(a), kindOf(b)]).toEqual(['half-open', 'half-open']);
  await a.run(() => Promise.resolve());
  await turn();
  expect([kindOf(a), kindOf(b)]).toEqual(['closed', 'half-open']);
  expect(a.stats()).toMatchObject({ store: { toldTotal: 1, heardTotal: 0, failedTotal: 0 } });
  expect(b.stats()).toMatchObject({ store: { toldTotal: 0, heardTotal: 1, failing: false } });
  expect(faults).toEqual([]);
});

test('who comes later learns it too, as long as it holds', async () => {
  const { store, clock } = shared();
  const a = await make(store, clock);
  await trip(a);
  await trip(a.for('weather'));
  clock.advance(400);
  const b = await make(store, clock);
  expect(b.for('weather').state.kind).toBe('closed');
  await turn();
  expect(b.breaker.state).toMatchObject({ kind: 'open', untilAt: clock.now() + 600 });
  expect(b.for('weather').state.kind).toBe('open');
  clock.advance(600);
  const c = await make(store, clock);
  await turn();
  expect(kindOf(c)).toBe('closed');
});

test('what it does not understand changes nothing', async () => {
  const { store, clock } = shared();
  const one = await make(store, clock);
  const untilAt = clock.now() + 3000;
  for (const kind of ['half-open', undefined]) {
    const news = { kind, breaker: 'circuit', untilAt, from: 'a newer version' };
    await store.publish('circuit:circuit', Buffer.from(JSON.stringify(news)));
  }
  expect(kindOf(one)).toBe('closed');
});

test('who has opened already stays open as long as it meant to', async () => {
  const { store, clock } = shared();
  const [a, b] = [await make(store, clock), await make(store, clock, { openMs: 3000 })];
  await trip(a);
  b.breaker.close();
  await turn();
  await trip(a);
  const { state } = a.breaker;
  // As if both had opened before either heard of the other.
  await store.publish(
    'circuit:circuit',
    Buffer.from(
      JSON.stringify({ kind: 'open', breaker: 'circuit', untilAt: clock.now() + 3000, from: 'b' }),
    ),
  );
  expect(a.breaker.state).toBe(state);
});

test('by hand holds for all, also for those who come later', async () => {
  const { store, clock } = shared();
  const [a, b] = [await make(store, clock), await make(store, clock)];
  a.breaker.open();
  await turn();
  clock.advance(1_000_000);
  const c = await make(store, clock);
  await turn();
  expect([kindOf(b), kindOf(c)]).toEqual(['isolated', 'isolated']);
  b.breaker.close();
  await turn();
  expect([kindOf(a), kindOf(c)]).toEqual(['closed', 'closed']);
  const d = await make(store, clock);
  await turn();
  expect(kindOf(d)).toBe('closed');
});

test('circuits of another name, and breakers that nobody has here, are not concerned', async () => {
  const { store, clock } = shared();
  const a = await make(store, clock);
  const other = await make(store, clock, { name: 'other' });
  const b = await make(store, clock);
  await trip(a);
  await trip(a.for('weather'));
  expect(kindOf(other)).toBe('closed');
  expect(b.stats()).toMatchObject({ count: 1 });
});

test('a clock that differs opens for no longer than twice the longest time', async () => {
  const { store, clock } = shared();
  const early = fakeClock(clock.now() - 1_000_000);
  const late = fakeClock(clock.now() + 1_000_000);
  const [a, b, c] = [
    await make(store, clock),
    await make(store, early, { maxOpenMs: 2000 }),
    await make(store, late),
  ];
  await trip(a);
  const { state } = b.breaker;
  expect(state.kind === 'open' && state.untilAt - state.sinceAt).toBe(4000);
  expect(kindOf(c)).toBe('closed');
});

test('without the store each decides alone, and the outage is reported once', async () => {
  const down = (): never => {
    throw storeUnavailable('anything');
  };
  const store: SharedStore = { get: down, set: down, delete: down, publish: down, subscribe: down };
  const clock = fakeClock();
  const one = await make(store, clock);
  await trip(one);
  expect(kindOf(one)).toBe('open');
  clock.advance(1000);
  await one.run(() => Promise.resolve());
  expect(kindOf(one)).toBe('closed');
  one.breaker.open();
  one.breaker.close();
  await turn();
  expect(faults).toHaveLength(1);
  expect(one.stats()).toMatchObject({ store: { failing: true } });
  await one.close();
  expect(clock.pending).toBe(0);
});

test('a store that comes and goes is reported once, until it has worked for a while', async () => {
  const { store, clock } = shared();
  let isDown = false;
  const flickering: SharedStore = {
    get: (key) => store.get(key),
    set: (key, value, ttlMs) => store.set(key, value, ttlMs),
    delete: (key) => store.delete(key),
    publish(channel, data) {
      if (isDown) throw storeUnavailable('publish');
      return store.publish(channel, data);
    },
    subscribe: (channel, listener) => store.subscribe(channel, listener),
  };
  const one = await make(flickering, clock);
  const flicker = async (): Promise<void> => {
    for (isDown of [true, false]) {
      one.breaker.open();
      one.breaker.close();
      await turn();
      clock.advance(100);
    }
  };
  await flicker();
  await flicker();
  expect(one.stats()).toMatchObject({ store: { failing: false } });
  expect(faults).toHaveLength(1);
  clock.advance(10_000);
  await flicker();
  expect(faults).toHaveLength(2);
});

test('listens once the store is there', async () => {
  const { store, clock } = shared();
  let down = true;
  const flaky: SharedStore = {
    get: (key) => store.get(key),
    set: (key, value, ttlMs) => store.set(key, value, ttlMs),
    delete: (key) => store.delete(key),
    publish: (channel, data) => store.publish(channel, data),
    subscribe(channel, listener) {
      if (down) throw storeUnavailable('subscribe');
      return store.subscribe(channel, listener);
    },
  };
  const [a, b] = [await make(store, clock), await make(flaky, clock)];
  clock.advance(5000);
  await turn();
  down = false;
  clock.advance(5000);
  await turn();
  await trip(a);
  expect(kindOf(b)).toBe('open');
  expect(b.breaker.healthRatio).toBe(0.5);
});

test('a store that never answers holds nothing up', async () => {
  const hang = (): Promise<never> => new Promise(() => undefined);
  const store: SharedStore = { get: hang, set: hang, delete: hang, publish: hang, subscribe: hang };
  const one = circuit({ store, strategies: ['consecutive'], consecutiveFailures: 2 });
  await trip(one);
  expect(kindOf(one)).toBe('open');
  await one.close();
});

test('lets go of a store that it could listen to only after its end', async () => {
  const { store, clock } = shared();
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const late: SharedStore = {
    get: (key) => store.get(key),
    set: (key, value, ttlMs) => store.set(key, value, ttlMs),
    delete: (key) => store.delete(key),
    publish: (channel, data) => store.publish(channel, data),
    subscribe: async (channel, listener) => {
      await opened;
      return store.subscribe(channel, listener);
    },
  };
  const one = circuit({ store: late, clock });
  await one.close();
  open();
  await turn();
  expect((store as unknown as { stats(): object }).stats()).toMatchObject({ channels: 0 });
  expect(clock.pending).toBe(0);
});

test('listens no more after its end', async () => {
  const { store, clock } = shared();
  const [a, b] = [await make(store, clock), await make(store, clock)];
  await b.close();
  await trip(a);
  expect(kindOf(b)).toBe('closed');
  await a.close();
  expect((store as unknown as { stats(): object }).stats()).toMatchObject({ channels: 0 });
});
