/** What is left of a service that is asked for more than it can do: simulated, on a clock of its own. */
import {
  aimdLimit,
  type EventLoop,
  fixedLimit,
  gradientLimit,
  type Limit,
  vegasLimit,
} from '@org/queue';

import { goodRatio, quantile, Service, type Visitor } from './service.ts';

/** What 20 slots of 10 ms can do. */
const CAPACITY = 2000;
const OBJECTIVE_MS = 200;

const idleLoop: EventLoop = { read: () => ({ delayMs: 0, utilizationRatio: 0.3 }), close() {} };
const gradient = (): Limit => gradientLimit({ maxLimit: 100, loop: idleLoop });

const admitted = (visitors: readonly Visitor[]): readonly Visitor[] =>
  visitors.filter(({ refusal }) => refusal === undefined);
const refused = (visitors: readonly Visitor[]): readonly Visitor[] =>
  visitors.filter(({ refusal }) => refusal !== undefined);
const latencies = (visitors: readonly Visitor[]): readonly number[] =>
  admitted(visitors)
    .filter(({ doneMs }) => !Number.isNaN(doneMs))
    .map(({ atMs, doneMs }) => doneMs - atMs);

describe('a service that is asked for more than it can do', () => {
  describe.each([
    ['a fixed limit', undefined, 0.95],
    ['the gradient, untuned', gradient, 0.95],
    ['Vegas', () => vegasLimit({ maxLimit: 100, random: () => 0.5 }), 0.95],
    ['AIMD', () => aimdLimit({ maxLimit: 100 }), 0.95],
  ])('with %s', (_name, limit, least) => {
    it.each([1, 2, 5])('keeps its goodput and its objective at %d times its capacity', (times) => {
      const service = new Service(limit === undefined ? {} : { limit: limit() });
      service.run(3000, { perSecond: CAPACITY * times });
      const settled = service.since(1000);
      expect(goodRatio(settled, CAPACITY, 2000)).toBeGreaterThan(least);
      expect(quantile(latencies(settled), 0.99)).toBeLessThan(OBJECTIVE_MS);
      // Those for whom there is no use in waiting are told so without a wait.
      expect(
        quantile(
          refused(settled).map(({ waitedMs }) => waitedMs),
          0.95,
        ),
      ).toBeLessThan(times === 1 ? 60 : 1);
      // Everybody but those who are still on their way has been told something.
      const open = settled.filter((one) => one.refusal === undefined && Number.isNaN(one.doneMs));
      expect(open.length).toBeLessThan(250);
    });
  });

  it('absorbs a burst that it can work off, and refuses nobody', () => {
    const service = new Service();
    service.run(1000, { perSecond: CAPACITY / 4 });
    for (let at = 0; at < 300; at++) service.ask({});
    service.run(1000, { perSecond: CAPACITY / 4 });
    expect(refused(service.visitors)).toEqual([]);
    expect(quantile(latencies(service.visitors), 1)).toBeLessThan(OBJECTIVE_MS + 50);
  });

  it.each([0, 1])('absorbs bursts of slow work, too, after %d s of quick work', (quickSeconds) => {
    const service = new Service({ limit: fixedLimit(100) });
    service.slots = 100;
    if (quickSeconds > 0) service.run(quickSeconds * 1000, { perSecond: 500 });
    service.workMs = 300;
    for (let burst = 0; burst < 3; burst++) {
      for (let at = 0; at < 250; at++) service.ask({});
      service.run(1500);
    }
    expect(refused(service.visitors)).toEqual([]);
    expect(latencies(service.visitors).length).toBe(service.visitors.length);
  });

  it('does not keep newcomers waiting for what hangs', () => {
    const service = new Service();
    service.run(1000, { perSecond: CAPACITY / 2 });
    service.workMs = 1e6;
    service.run(3000, { perSecond: CAPACITY / 2 });
    const late = service.since(1500);
    expect(refused(late).length).toBeGreaterThan(late.length * 0.99);
    expect(
      quantile(
        late.map(({ waitedMs }) => waitedMs),
        0.95,
      ),
    ).toBeLessThan(OBJECTIVE_MS);
    expect(service.admission.overloaded).toBe(true);
  });

  it('is as before two seconds after the load has gone back to half', () => {
    const service = new Service();
    service.run(2000, { perSecond: CAPACITY * 5 });
    service.run(4000, { perSecond: CAPACITY / 2 });
    const later = service.since(4000).filter(({ atMs }) => atMs < 5900);
    expect(refused(later)).toEqual([]);
    expect(quantile(latencies(later), 1)).toBeLessThan(OBJECTIVE_MS);
    expect(service.admission.overloaded).toBe(false);
  });

  it('makes the others late or refuses them before it touches the most urgent', () => {
    const service = new Service();
    service.run(
      3000,
      { perSecond: CAPACITY * 4.5, rank: 2 },
      { perSecond: CAPACITY * 0.5, rank: 0 },
    );
    const urgent = service.since(0, 0).filter(({ atMs }) => atMs < 2900);
    expect(urgent.length).toBeGreaterThan(2500);
    expect(refused(urgent)).toEqual([]);
    expect(quantile(latencies(urgent), 1)).toBeLessThan(50);
    expect(goodRatio(service.since(1000), CAPACITY, 2000)).toBeGreaterThan(0.95);
  });

  it('starves nobody, although the most urgent alone are too many', () => {
    const service = new Service();
    service.run(
      6000,
      { perSecond: CAPACITY * 3, rank: 0 },
      { perSecond: 100, rank: 1 },
      { perSecond: 100, rank: 2 },
    );
    for (const rank of [1, 2]) {
      for (const fromMs of [1000, 3000]) {
        const own = service.since(fromMs, rank).filter(({ atMs }) => atMs < fromMs + 2000);
        expect(latencies(own).length).toBeGreaterThan(0);
      }
    }
    expect(goodRatio(service.since(1000), CAPACITY, 5000)).toBeGreaterThan(0.95);
  });

  it('lets those who ask little pass by one who asks for five times what there is', () => {
    const service = new Service();
    const modest = Array.from({ length: 10 }, (_, at) => ({
      perSecond: 80,
      account: `user ${at}`,
    }));
    service.run(3000, { perSecond: CAPACITY * 5, account: 'hog' }, ...modest);
    const settled = service.since(1000).filter(({ atMs }) => atMs < 2900);
    const others = settled.filter(({ account }) => account !== 'hog');
    expect(others.length).toBeGreaterThan(1300);
    expect(refused(others)).toEqual([]);
    expect(quantile(latencies(others), 0.99)).toBeLessThan(60);
    // What they leave is for who wants it.
    expect(goodRatio(settled, CAPACITY, 1900)).toBeGreaterThan(0.95);
  });

  it('shares evenly by cost, not by number', () => {
    const service = new Service();
    service.run(
      3000,
      { perSecond: CAPACITY, account: 'light' },
      { perSecond: CAPACITY / 4, account: 'heavy', cost: 8 },
    );
    const done = (name: string): number =>
      latencies(service.since(1000).filter(({ account }) => account === name)).length;
    expect(done('light')).toBeGreaterThan(done('heavy') * 4);
    expect(done('heavy')).toBeGreaterThan(50);
  });

  it('serves the newest first while what it has let in is late, and lets the late go', () => {
    const service = new Service();
    service.run(500, { perSecond: CAPACITY * 0.9 });
    // Everything behind it becomes 20 times slower at once.
    service.workMs = 200;
    service.run(3000, { perSecond: CAPACITY * 0.9 });
    const during = service.since(2000).filter(({ atMs }) => atMs < 3000);
    expect(goodRatio(during, 100, 1000, 2 * 200 + 250)).toBeGreaterThan(0.9);
    expect(service.visitors.some(({ refusal }) => refusal === 'codel')).toBe(true);
  });
});

describe('the gradient', () => {
  it.each([1, 2, 5])(
    'settles within 5 s of a dependency that becomes three times slower, at %d×, and of its return',
    (times) => {
      const service = new Service({ limit: gradient() });
      const load = { perSecond: CAPACITY * times };
      service.run(2000, load);
      service.workMs = 30;
      service.run(5000, load);
      service.run(1500, load);
      expect(goodRatio(service.since(7000), CAPACITY / 3, 1500)).toBeGreaterThan(0.9);
      expect(quantile(latencies(service.since(7000)), 0.99)).toBeLessThan(OBJECTIVE_MS);
      service.workMs = 10;
      service.run(5000, load);
      service.run(1500, load);
      const back = service.since(13_500);
      expect(goodRatio(back, CAPACITY, 1500)).toBeGreaterThan(0.9);
      expect(quantile(latencies(back), 0.99)).toBeLessThan(OBJECTIVE_MS);
    },
  );

  it('stays small where a small pool is behind it, and does not drift away under lasting load', () => {
    const service = new Service({ limit: gradient() });
    service.slots = 5;
    service.run(30_000, { perSecond: 1500 });
    expect(service.admission.limiter.limit).toBeLessThan(60);
    expect(goodRatio(service.since(5000), 500, 25_000)).toBeGreaterThan(0.95);
  });
});
