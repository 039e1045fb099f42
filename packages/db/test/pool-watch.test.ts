/** Who keeps a connection: told by a clock that the test moves. */
import { type Exchange, Listeners } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { POOL_CHANNEL, type PoolEvent, PoolWatch, WatchedClient } from '@org/db';

interface Fixture {
  readonly clock: FakeClock;
  readonly watch: PoolWatch;
  readonly events: PoolEvent[];
  readonly destroyed: WatchedClient[];
  readonly numbers: { capacity: number; size: number; idle: number; waiting: number };
  client(): WatchedClient;
}

function make(options: { destroyOrphans?: boolean; lineEvery?: number } = {}): Fixture {
  const clock = fakeClock();
  const events: PoolEvent[] = [];
  const destroyed: WatchedClient[] = [];
  const numbers = { capacity: 10, size: 2, idle: 0, waiting: 0 };
  const watch = new PoolWatch({
    clock,
    heldAfterMs: 10_000,
    orphanAfterMs: 1000,
    destroyOrphans: false,
    lineEvery: 1000,
    ...options,
    listeners: new Listeners<PoolEvent>(POOL_CHANNEL, (event) => events.push(event), 'test'),
  });
  watch.watch(numbers);
  return {
    clock,
    watch,
    events,
    destroyed,
    numbers,
    client() {
      const one: WatchedClient = new WatchedClient(
        () => false,
        () => {
          destroyed.push(one);
          watch.returned(one);
        },
      );
      return one;
    },
  };
}

const request = (settled = false): Exchange & { settled: boolean } =>
  ({ settled, id: 'r-1', route: '/cities/:id', req: { method: 'GET' } }) as Exchange & {
    settled: boolean;
  };

test('one whose request lives and still asks is held long, and is told once', () => {
  const { clock, watch, events, client } = make();
  const one = client();
  watch.taken(one);
  watch.claim(one, { exchange: request(), site: undefined });
  clock.advance(9000);
  watch.queried(one, 'select now()');
  expect(events).toEqual([]);
  clock.advance(3000);
  expect(events).toMatchObject([
    {
      type: 'leak',
      leak: {
        kind: 'held',
        method: 'GET',
        route: '/cities/:id',
        requestId: 'r-1',
        query: 'select now()',
        heldMs: 10_000,
        quietMs: 1000,
        running: false,
      },
    },
  ]);
  expect(watch.stats()).toMatchObject({ leaks: 1, heldLongTotal: 1, orphanedTotal: 0 });
});

test('one whose request has ended is orphaned, which one that is held long may become', () => {
  const { clock, watch, events, client } = make();
  const one = client();
  const exchange = request();
  watch.taken(one);
  watch.claim(one, { exchange, site: undefined });
  clock.advance(11_000);
  exchange.settled = true;
  clock.advance(3000);
  expect(events.map((event) => 'leak' in event && event.leak.kind)).toEqual(['held', 'orphaned']);
  expect(watch.orphans).toBe(1);
});

test('one that comes back late is told of again, with how long it was kept', () => {
  const { clock, watch, events, client } = make();
  const one = client();
  watch.taken(one);
  clock.advance(15_000);
  watch.returned(one);
  expect(events).toMatchObject([
    { type: 'leak' },
    { type: 'returned', leak: { heldMs: 15_000, quietMs: 15_000 } },
  ]);
  expect(watch.stats()).toMatchObject({ leaks: 0, returnedLateTotal: 1, inUse: 0 });
  // The next one who has it begins anew.
  watch.taken(one);
  clock.advance(5000);
  expect(events).toHaveLength(2);
});

test('orphans are destroyed where that is asked for, and nobody else', () => {
  const { clock, watch, events, destroyed, client } = make({ destroyOrphans: true });
  const [orphan, held] = [client(), client()];
  watch.taken(orphan);
  watch.claim(orphan, { exchange: request(true), site: undefined });
  watch.taken(held);
  clock.advance(20_000);
  expect(destroyed).toEqual([orphan]);
  expect(events.map(({ type }) => type)).toEqual(['leak', 'destroyed', 'leak']);
  expect(watch.stats()).toMatchObject({
    destroyedOrphansTotal: 1,
    returnedLateTotal: 0,
    inUse: 1,
  });
});

test('after a leak of which no line is known, lines are looked up until it is found', () => {
  const { clock, watch, client } = make();
  expect(watch.site(make)).toBeUndefined();
  watch.taken(client());
  clock.advance(11_000);
  const takes = (): unknown => watch.site(takes);
  expect(takes()).toBeDefined();
});

test('one that is held long and asks again has its line looked up then', () => {
  const { clock, watch, client } = make();
  const one = client();
  watch.taken(one);
  clock.advance(10_500);
  watch.queried(one, 'select 1');
  expect(watch.leaks[0]?.line).toMatch(/pool-watch\.test\.ts:\d+:\d+$/);
});

test('tells how long connections are waited for, used and idle', () => {
  const { clock, watch, client } = make();
  const one = client();
  clock.advance(100);
  watch.taken(one);
  watch.waited(one, 40, undefined);
  clock.advance(20);
  watch.returned(one);
  clock.advance(500);
  watch.taken(one);
  const { acquireMs, useMs, idleMs } = watch.stats() as unknown as Record<string, { max: number }>;
  expect([acquireMs?.max, useMs?.max, idleMs?.max]).toEqual([60, 20, 500]);
});

test('foresees when there will be no connection left', () => {
  const { clock, watch, numbers, client } = make();
  for (let second = 0; second < 20; second++) {
    if (second % 4 === 0) watch.taken(client());
    clock.advance(1000);
  }
  const { saturatesInMs } = watch;
  expect(saturatesInMs).toBeGreaterThan(10_000);
  expect(saturatesInMs).toBeLessThan(40_000);
  numbers.waiting = 6;
  clock.advance(1000);
  expect(watch.saturatesInMs).toBe(0);
});

test('leaves no timer when it is closed', () => {
  const { clock, watch, client } = make();
  expect(clock.pending).toBe(0);
  watch.taken(client());
  expect(clock.pending).toBe(1);
  watch.close();
  watch.close();
  expect(clock.pending).toBe(0);
});
