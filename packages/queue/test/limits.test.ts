import {
  aimdLimit,
  type EventLoop,
  fixedLimit,
  gradientLimit,
  type Limit,
  Limiter,
  type LoopReading,
  ownEventLoop,
  vegasLimit,
} from '@org/queue';
import * as fc from 'fast-check';

import { Codel } from '../src/codel.ts';
import { Pace } from '../src/pace.ts';
import { Waits } from '../src/waits.ts';

/** Tells a limit of windows of 100 ms in which it is used up. */
function feed(
  limit: Limit,
  windows: number,
  sample: { rttMs: number; dropped?: boolean; used?: number },
  from: { ms: number } = { ms: 0 },
): void {
  for (let window = 0; window < windows; window++) {
    for (let at = 0; at <= 10; at++) {
      limit.onSample?.({
        rttMs: sample.rttMs,
        inflight: Math.floor(limit.limit * (sample.used ?? 1)),
        dropped: sample.dropped ?? false,
        endMs: (from.ms += 10),
      });
    }
  }
}

class Loop implements EventLoop {
  reading: LoopReading = { delayMs: 0, utilizationRatio: 0.2 };
  closed: number = 0;
  read(): LoopReading {
    return this.reading;
  }
  close(): void {
    this.closed++;
  }
}

describe('a fixed limit', () => {
  it('stays, and refuses what is none', () => {
    expect(fixedLimit(7).limit).toBe(7);
    expect(() => fixedLimit(0)).toThrow(
      'fixedLimit: the limit must be a whole number, at least 1, but is 0.',
    );
    expect(() => fixedLimit(1.5)).toThrow('1.5');
  });
});

describe('AIMD', () => {
  it('grows by one for each round of work at the limit, and not where the limit is not used', () => {
    const limit = aimdLimit({ initialLimit: 10 });
    for (let at = 0; at < 10; at++)
      limit.onSample!({ rttMs: 1, inflight: 10, dropped: false, endMs: at });
    expect(limit.limit).toBeGreaterThan(10.9);
    expect(limit.limit).toBeLessThan(11);
    const idle = aimdLimit({ initialLimit: 10 });
    feed(idle, 5, { rttMs: 1, used: 0.3 });
    expect(idle.limit).toBe(10);
  });

  it('shrinks once for what was dropped in the same round, and for what was too slow', () => {
    const limit = aimdLimit({ initialLimit: 100, slowMs: 1000 });
    for (let at = 0; at < 50; at++)
      limit.onSample!({ rttMs: 100, inflight: 100, dropped: true, endMs: 200 + at });
    expect(limit.limit).toBeCloseTo(90);
    limit.onSample!({ rttMs: 1500, inflight: 90, dropped: false, endMs: 2000 });
    expect(limit.limit).toBeCloseTo(81);
  });
});

describe('Vegas', () => {
  it('grows while work is as quick as it ever was, and shrinks where most of it must be waiting', () => {
    const limit = vegasLimit({ initialLimit: 20, random: () => 0.5 });
    feed(limit, 5, { rttMs: 10 });
    const grown = limit.limit;
    expect(grown).toBeGreaterThan(30);
    feed(limit, 10, { rttMs: 40 });
    expect(limit.limit).toBeLessThan(grown - 10);
  });

  it('shrinks for what was dropped', () => {
    const limit = vegasLimit({ initialLimit: 20 });
    feed(limit, 3, { rttMs: 10, dropped: true });
    expect(limit.limit).toBeLessThan(18);
  });

  it('forgets the quickest now and then', () => {
    const limit = vegasLimit({ initialLimit: 20, probeWindows: 10, random: () => 0.5 });
    feed(limit, 2, { rttMs: 1 });
    feed(limit, 30, { rttMs: 50 });
    const before = limit.limit;
    feed(limit, 5, { rttMs: 50 });
    expect(limit.limit).toBeGreaterThanOrEqual(before);
  });
});

describe('the gradient', () => {
  it('shrinks for a dependency that makes work slow, and grows where it does not', () => {
    const limit = gradientLimit({ loop: new Loop() });
    feed(limit, 5, { rttMs: 10 });
    const grown = limit.limit;
    expect(grown).toBeGreaterThan(20);
    feed(limit, 2, { rttMs: 100 });
    expect(limit.limit).toBeLessThan(grown);
  });

  it('does not take the delay of its own event loop for a slow dependency', () => {
    const [loop, still] = [new Loop(), new Loop()];
    const limit = gradientLimit({ loop, maxLoopDelayMs: 100 });
    const blamed = gradientLimit({ loop: still });
    feed(limit, 5, { rttMs: 10 });
    feed(blamed, 5, { rttMs: 10 });
    loop.reading = { delayMs: 30, utilizationRatio: 0.99 };
    const before = limit.limit;
    feed(limit, 3, { rttMs: 40 });
    feed(blamed, 3, { rttMs: 40 });
    expect(limit.limit).toBeGreaterThan(before);
    expect(blamed.limit).toBeLessThan(before);
  });

  it('shrinks for a loop that is full and late, does not grow in one half as late, and forgives one long task', () => {
    const loop = new Loop();
    const limit = gradientLimit({ loop, maxLoopDelayMs: 40 });
    feed(limit, 5, { rttMs: 10 });
    const before = limit.limit;
    loop.reading = { delayMs: 30, utilizationRatio: 0.99 };
    feed(limit, 3, { rttMs: 40 });
    expect(limit.limit).toBe(before);
    loop.reading = { delayMs: 60, utilizationRatio: 0.5 };
    feed(limit, 3, { rttMs: 70 });
    expect(limit.limit).toBe(before);
    loop.reading = { delayMs: 60, utilizationRatio: 0.99 };
    feed(limit, 3, { rttMs: 70 });
    expect(limit.limit).toBeCloseTo(before * 0.9 ** 3);
  });

  it('does not shrink on for a loop that is as late with a third less to do', () => {
    const loop = new Loop();
    const limit = gradientLimit({ loop, initialLimit: 50 });
    feed(limit, 2, { rttMs: 10 });
    const before = limit.limit;
    loop.reading = { delayMs: 100, utilizationRatio: 1 };
    feed(limit, 40, { rttMs: 110 });
    expect(limit.limit).toBeGreaterThan(before * 0.6);
    expect(limit.limit).toBeLessThan(before * 0.7);
    // Where it helps, it goes on.
    const helped = gradientLimit({ loop, initialLimit: 50 });
    for (let at = 0; at < 40; at++) {
      loop.reading = { delayMs: helped.limit * 4, utilizationRatio: 1 };
      feed(helped, 1, { rttMs: 200 });
    }
    expect(helped.limit * 4).toBeLessThanOrEqual(40);
  });

  it('takes for the new baseline what stays as slow with a third fewer at once', () => {
    const limit = gradientLimit({ loop: new Loop(), initialLimit: 50, toleranceRatio: 1 });
    feed(limit, 3, { rttMs: 10 });
    const before = limit.limit;
    feed(limit, 8, { rttMs: 30 });
    expect(limit.limit).toBeLessThan(before * 0.8);
    feed(limit, 60, { rttMs: 30 });
    expect(limit.limit).toBeGreaterThan(before);
  });

  it('halves its way down, smoothed, while most of its work is dropped', () => {
    const limit = gradientLimit({ loop: new Loop(), initialLimit: 100 });
    feed(limit, 1, { rttMs: 10, dropped: true });
    expect(limit.limit).toBeCloseTo(100 * 0.9 + 0.2 * 10);
  });

  it('closes the loop that it watches', () => {
    const loop = new Loop();
    const limit = gradientLimit({ loop });
    limit.close!();
    expect(loop.closed).toBe(1);
  });
});

describe('every adaptive limit', () => {
  const makers: Record<
    string,
    (bounds: { minLimit: number; maxLimit: number; initialLimit: number }) => Limit
  > = {
    aimd: aimdLimit,
    vegas: vegasLimit,
    gradient: (bounds) => gradientLimit({ ...bounds, loop: new Loop() }),
  };

  it.each(Object.keys(makers))('%s keeps its bounds, whatever it hears', (name) => {
    const sample = fc.record({
      rttMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      inflight: fc.integer({ min: 1, max: 500 }),
      dropped: fc.boolean(),
      gapMs: fc.double({ min: 0, max: 500, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 400 }), (samples) => {
        const limit = makers[name]!({ minLimit: 3, initialLimit: 10, maxLimit: 30 });
        let endMs = 0;
        for (const { gapMs, ...rest } of samples) {
          limit.onSample!({ ...rest, endMs: (endMs += gapMs) });
          expect(limit.limit).toBeGreaterThanOrEqual(3);
          expect(limit.limit).toBeLessThanOrEqual(30);
        }
      }),
    );
  });

  it('refuses bounds that leave no room, and options that it does not know', () => {
    expect(() => aimdLimit({ minLimit: 30 })).toThrow('aimdLimit: options must keep minLimit');
    expect(() => vegasLimit({ maxLimit: 10 })).toThrow('20 and 10');
    expect(() => gradientLimit({ toleranceRate: 2 } as object)).toThrow(
      'did you mean "toleranceRatio"?',
    );
  });
});

describe('the limiter', () => {
  it('tells the limit of successes and drops with their time, and nothing of what is ignored', () => {
    const heard: unknown[] = [];
    let nowMs = 0;
    const limiter = new Limiter({
      limit: { limit: 2.9, onSample: (sample) => heard.push(sample) },
      now: () => nowMs,
    });
    const [one, two] = [limiter.acquire(1)!, limiter.acquire(1)!];
    expect(limiter.limit).toBe(2);
    expect(limiter.acquire(1)).toBeUndefined();
    nowMs = 5;
    one.success();
    two.dropped();
    limiter.acquire(1)!.ignore();
    expect(heard).toEqual([
      { rttMs: 5, inflight: 1, dropped: false, endMs: 5 },
      { rttMs: 5, inflight: 2, dropped: true, endMs: 5 },
    ]);
    expect(limiter.serviceMs).toBe(5);
  });
});

describe('CoDel', () => {
  const target = { targetMs: 5, intervalMs: 100 };

  it('takes a queue for standing once all who leave have waited beyond the target for an interval (RFC 8289 §3.2)', () => {
    const codel = new Codel();
    for (let ms = 0; ms <= 100; ms += 10) codel.note(ms === 50 ? 4 : 50, ms, target);
    expect(codel.overloaded).toBe(false);
    for (let ms = 110; ms < 160; ms += 10) codel.note(50, ms, target);
    expect(codel.overloaded).toBe(false);
    codel.note(50, 160, target);
    expect(codel.overloaded).toBe(true);
    codel.note(3, 250, target);
    codel.check(310, target);
    expect(codel.overloaded).toBe(false);
  });

  it('does not take one long wait for a queue that stands, however long nobody leaves', () => {
    const codel = new Codel();
    codel.empty(0, target);
    for (let ms = 0; ms < 900; ms += 10) codel.check(ms, target);
    codel.note(900, 900, target);
    expect(codel.overloaded).toBe(false);
  });

  it('is not calmed by short waits that refusals have paid for', () => {
    const codel = new Codel();
    for (let ms = 0; ms <= 100; ms += 10) codel.note(50, ms, target);
    expect(codel.overloaded).toBe(true);
    for (let ms = 110; ms <= 200; ms += 10) {
      codel.note(0, ms, target);
      codel.press();
    }
    expect(codel.overloaded).toBe(true);
    for (let ms = 210; ms <= 300; ms += 10) codel.note(0, ms, target);
    expect(codel.overloaded).toBe(false);
  });
});

describe('the pace of a queue', () => {
  const unknown = { serviceMs: 0, limit: 20 };

  it('is the time in which a unit leaves, whatever made it wait', () => {
    const pace = new Pace();
    expect(pace.estimateMs(0, unknown)).toBe(0);
    pace.begin(0);
    for (let ms = 2; ms <= 100; ms += 2) pace.took(1, ms, unknown);
    expect(pace.estimateMs(100, unknown)).toBeCloseTo(2, 1);
    // Nobody leaves any more: the longer, the slower, once it is longer than work takes.
    expect(pace.estimateMs(400, { serviceMs: 200, limit: 20 })).toBeCloseTo(2, 1);
    expect(pace.estimateMs(400, { serviceMs: 10, limit: 20 })).toBeGreaterThan(100);
    pace.end(400);
    pace.begin(2000);
    expect(pace.estimateMs(2000, unknown)).toBe(0);
  });

  it('is that of Little’s law until it is measured, and is not misled by work that ends in bursts', () => {
    const pace = new Pace();
    const work = { serviceMs: 300, limit: 100 };
    pace.begin(0);
    expect(pace.estimateMs(0, work)).toBe(3);
    for (let burst = 1; burst <= 5; burst++) {
      for (let at = 0; at < 100; at++) {
        pace.took(1, burst * 300, work);
        expect(pace.estimateMs(burst * 300, work)).toBeLessThan(7);
        expect(pace.estimateMs(burst * 300, work)).toBeGreaterThan(1);
      }
    }
  });
});

describe('the waits', () => {
  it('tell a percentile that is at most a fifth too long, and never too short', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.5, max: 60_000, noNaN: true }), { minLength: 1 }),
        (waits) => {
          const kept = new Waits();
          for (const ms of waits) kept.note(ms, 0);
          const sorted = waits.toSorted((a, b) => a - b);
          for (const share of [0.5, 0.99, 1]) {
            const exact = sorted[Math.ceil(waits.length * share) - 1]!;
            const told = kept.quantileMs(share, 0);
            expect(told).toBeGreaterThanOrEqual(exact * 0.999_999);
            expect(told).toBeLessThanOrEqual(exact * 1.200_001);
          }
        },
      ),
    );
  });

  it('are forgotten after twenty seconds', () => {
    const kept = new Waits();
    expect(kept.quantileMs(0.5, 0)).toBe(0);
    kept.note(100, 0);
    expect(kept.quantileMs(0.5, 15_000)).toBeGreaterThan(99);
    expect(kept.quantileMs(0.5, 20_000)).toBe(0);
    kept.note(100, 21_000);
    expect(kept.quantileMs(0.5, 90_000)).toBe(0);
  });
});

describe('the own event loop', () => {
  it('reads numbers, and leaves no handle', () => {
    const loop = ownEventLoop();
    for (let at = 0; at < 3; at++) {
      const { delayMs, utilizationRatio } = loop.read();
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(utilizationRatio).toBeGreaterThanOrEqual(0);
      expect(utilizationRatio).toBeLessThanOrEqual(1);
    }
    loop.close();
    loop.close();
    expect(loop.read().delayMs).toBe(0);
  });
});
