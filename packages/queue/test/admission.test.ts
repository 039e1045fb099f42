import { type FakeClock, fakeClock } from '@org/core/testing';
import { fixedLimit, type Limit, type Permit, type Refusal } from '@org/queue';
import * as fc from 'fast-check';

import { Admission, type AdmissionOptions, type Wish } from '../src/admission.ts';
import { QUEUE_DEFAULTS } from '../src/options.ts';
import { Waiter } from '../src/waiter.ts';
import { WaitingLine } from '../src/waiting-line.ts';

const LOAD = { targetMs: 25, intervalMs: 200, serviceMs: 0, limit: 1 };

/** One who asks, and all that was said. */
class Client {
  readonly heard: ('admitted' | Refusal)[] = [];
  permit: Permit | undefined;
  place: Waiter | undefined;
  waitedMs: number = 0;
  gone: boolean = false;

  isGone(): boolean {
    return this.gone;
  }

  admitted(permit: Permit, waitedMs: number): void {
    this.heard.push('admitted');
    this.permit = permit;
    this.waitedMs = waitedMs;
    this.place = undefined;
  }

  refused(reason: Refusal): void {
    this.heard.push(reason);
    this.place = undefined;
  }
}

/** An admission, and the check phase of its event loop. */
class Desk {
  readonly clock: FakeClock = fakeClock();
  readonly admission: Admission;
  private deferred: (() => void)[] = [];

  constructor(options: Partial<AdmissionOptions> = {}) {
    this.admission = new Admission({
      ...QUEUE_DEFAULTS,
      limit: fixedLimit(1),
      clock: this.clock,
      defer: (task) => void this.deferred.push(task),
      ...options,
    });
  }

  ask(wish: Partial<Wish> = {}): Client {
    const client = new Client();
    const whole = { cost: 1, rank: 0, account: undefined, maxWaitMs: 1000, deadlineMs: Infinity };
    const asked: Wish = { ...whole, ...wish };
    const permit = this.admission.tryNow(asked.cost, asked.rank, asked.maxWaitMs);
    if (permit !== undefined) {
      client.admitted(permit, 0);
      return client;
    }
    const place = this.admission.wait(client, asked);
    if (typeof place === 'string') client.refused(place);
    else if (client.permit === undefined) client.place = place;
    return client;
  }

  /** Turns of the loop, until nothing is deferred any more. */
  turn(): void {
    while (this.deferred.length > 0) {
      const due = this.deferred;
      this.deferred = [];
      for (const task of due) task();
    }
  }

  /** Ends the permits of those who hold one, in the order in which they are admitted. */
  serve(waiting: readonly Client[]): Client[] {
    const order: Client[] = [];
    for (let left = waiting.length; left > 0; left--) {
      this.turn();
      const next = waiting.find((one) => one.permit !== undefined && !order.includes(one));
      if (next === undefined) break;
      order.push(next);
      next.permit!.success();
    }
    return order;
  }
}

/** Has the queue stand: all who leave it have waited too long. One is at work, and nobody waits any more. */
function stand(desk: Desk): Client {
  let holder = desk.ask();
  const waiting = Array.from({ length: 60 }, () => desk.ask());
  for (const next of waiting) {
    desk.clock.advance(10);
    holder.permit!.ignore();
    desk.turn();
    holder = next;
    if (desk.admission.overloaded) break;
  }
  desk.clock.advance(10);
  expect(desk.admission.line.size).toBe(0);
  return holder;
}

describe('admission', () => {
  it('gives permits at once while there is room, and then places in order', () => {
    const desk = new Desk({ limit: fixedLimit(2) });
    const [a, b, c, d] = [desk.ask(), desk.ask(), desk.ask(), desk.ask()];
    expect([a, b, c, d].map(({ heard }) => heard.length)).toEqual([1, 1, 0, 0]);
    b.permit!.success();
    // Not in the middle of whatever made the room, but once all that has arrived is seen.
    expect(c.heard).toEqual([]);
    desk.turn();
    expect(c.heard).toEqual(['admitted']);
    expect(d.heard).toEqual([]);
  });

  it('has the next begin at once where room is made after all that arrived has been seen, one in a turn', () => {
    const desk = new Desk({ limit: fixedLimit(2) });
    const [a, b, c, d] = [desk.ask(), desk.ask(), desk.ask(), desk.ask()];
    desk.turn();
    a.permit!.success();
    expect(c.heard).toEqual(['admitted']);
    // What beginning one costs is not known yet.
    b.permit!.success();
    expect(d.heard).toEqual([]);
    desk.turn();
    expect(d.heard).toEqual(['admitted']);
  });

  it('refuses who finds the queue full', () => {
    const desk = new Desk({ maxQueueSize: 1 });
    desk.ask();
    expect([desk.ask(), desk.ask()].map(({ heard }) => heard)).toEqual([[], ['full']]);
    expect(new Desk({ maxQueueSize: 0 }).ask().heard).toEqual(['admitted']);
  });

  it('has a full queue make place for the more urgent: the newest of the least urgent goes', () => {
    const desk = new Desk({ maxQueueSize: 3 });
    desk.ask();
    const [normal, low, lower] = [
      desk.ask({ rank: 1 }),
      desk.ask({ rank: 2 }),
      desk.ask({ rank: 2 }),
    ];
    const urgent = desk.ask({ rank: 0 });
    expect([normal, low, lower].map(({ heard }) => heard)).toEqual([[], [], ['evicted']]);
    expect(urgent.heard).toEqual([]);
    expect(desk.ask({ rank: 2 }).heard).toEqual(['full']);
  });

  it('has a full queue make place for an account that has less waiting', () => {
    const desk = new Desk({ maxQueueSize: 3 });
    desk.ask();
    const hog = Array.from({ length: 3 }, () => desk.ask({ account: 'hog' }));
    expect(desk.ask({ account: 'hog' }).heard).toEqual(['full']);
    expect(desk.ask({ account: 'modest' }).heard).toEqual([]);
    expect(hog.map(({ heard }) => heard)).toEqual([[], [], ['evicted']]);
    // Two and one: a second place for the modest one would only turn the tables.
    expect(desk.ask({ account: 'modest' }).heard).toEqual(['full']);
  });

  it('serves the urgent first, but who has waited for the aging of its class before later ones', () => {
    const desk = new Desk({ agingMs: 100 });
    const holder = desk.ask();
    const low = desk.ask({ rank: 2 });
    desk.clock.advance(150);
    const normal = desk.ask({ rank: 1 });
    desk.clock.advance(40);
    const early = desk.ask({ rank: 0 });
    desk.clock.advance(20);
    const late = desk.ask({ rank: 0 });
    const order = desk.serve([holder, low, normal, early, late]);
    // As if since: low 200, normal 250, early 190, late 210.
    expect(order).toEqual([holder, early, low, late, normal]);
  });

  it('lets accounts take turns, whoever came first', () => {
    const desk = new Desk();
    const holder = desk.ask();
    const a = Array.from({ length: 4 }, () => desk.ask({ account: 'a' }));
    const b = Array.from({ length: 2 }, () => desk.ask({ account: 'b' }));
    const order = desk.serve([holder, ...a, ...b]).slice(1);
    expect(order.map((one) => (a.includes(one) ? 'a' : 'b')).join('')).toBe('ababaa');
  });

  it('runs what costs more than the limit alone, and lets nobody pass by it', () => {
    const desk = new Desk({ limit: fixedLimit(2) });
    const first = desk.ask();
    const heavy = desk.ask({ cost: 5 });
    const light = desk.ask();
    desk.turn();
    expect(light.heard).toEqual([]);
    first.permit!.success();
    desk.turn();
    expect([heavy.heard, light.heard]).toEqual([['admitted'], []]);
    heavy.permit!.success();
    desk.turn();
    expect(light.heard).toEqual(['admitted']);
  });

  it('keeps what is reserved for the most urgent', () => {
    const desk = new Desk({ limit: fixedLimit(4), reservedRatio: 0.5, targetWaitMs: 1000 });
    const others = Array.from({ length: 3 }, () => desk.ask({ rank: 1 }));
    expect(others.map(({ heard }) => heard.length)).toEqual([1, 1, 0]);
    // The third has aged, and comes before the urgent ones; they do not wait for its room.
    desk.clock.advance(300);
    const urgent = [desk.ask({ rank: 0 }), desk.ask({ rank: 0 })];
    desk.turn();
    expect(urgent.map(({ heard }) => heard)).toEqual([['admitted'], ['admitted']]);
    expect(others[2]!.heard).toEqual([]);
  });

  it('refuses at once who has less time left than it would have to wait', () => {
    const desk = new Desk();
    let holder = desk.ask();
    const queue = Array.from({ length: 60 }, () => desk.ask());
    // One leaves every 10 ms.
    for (let at = 0; at < 10; at++) {
      desk.clock.advance(10);
      holder.permit!.success();
      desk.turn();
      holder = queue[at]!;
    }
    const nowMs = desk.clock.monotonicMs();
    expect(desk.ask({ deadlineMs: nowMs + 300 }).heard).toEqual(['deadline']);
    expect(desk.ask({ deadlineMs: nowMs }).heard).toEqual(['deadline']);
    expect(desk.ask({ maxWaitMs: 300 }).heard).toEqual(['wait']);
    expect(desk.ask({ deadlineMs: nowMs + 900, maxWaitMs: 900 }).heard).toEqual([]);
  });

  it('ends a wait at its deadline, or when it is the longest, by one timer for all', () => {
    const desk = new Desk({ targetWaitMs: 1000 });
    desk.ask();
    const clients = [
      desk.ask({ deadlineMs: desk.clock.monotonicMs() + 50 }),
      desk.ask({ maxWaitMs: 200 }),
    ];
    expect(desk.clock.pending).toBe(1);
    desk.clock.advance(70);
    expect(clients.map(({ heard }) => heard)).toEqual([['deadline'], []]);
    desk.clock.advance(140);
    expect(clients.map(({ heard }) => heard)).toEqual([['deadline'], ['timeout']]);
    desk.clock.advance(1000);
    expect(desk.clock.pending).toBe(0);
  });

  it('never gives a permit to one who has gone, and wastes none', () => {
    const desk = new Desk();
    const holder = desk.ask();
    const [gone, left, stays] = [desk.ask(), desk.ask(), desk.ask()];
    gone.gone = true;
    desk.admission.leave(left.place!);
    desk.admission.leave(left.place!);
    holder.permit!.success();
    desk.turn();
    expect([gone, left, stays].map(({ heard }) => heard)).toEqual([[], [], ['admitted']]);
    expect(desk.admission.limiter.inflight).toBe(1);
  });

  it('does not let more begin in one turn of the loop than it has time for', () => {
    const desk = new Desk({ limit: fixedLimit(100) });
    const clients: Client[] = [];
    for (let at = 0; at < 5; at++) {
      clients.push(desk.ask());
      // Each takes the processor for a millisecond, and ends.
      clients[at]!.permit?.success();
      desk.clock.advance(1);
    }
    expect(clients.map(({ heard }) => heard.length)).toEqual([1, 1, 0, 0, 0]);
    desk.turn();
    expect(clients.map(({ heard }) => heard.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('gives who may not wait a permit while there is room, whatever the turn of the loop has spent', () => {
    for (const [options, wish] of [
      [{ maxQueueSize: 0 }, {}],
      [{}, { maxWaitMs: 0 }],
    ] satisfies [Partial<AdmissionOptions>, Partial<Wish>][]) {
      const desk = new Desk({ limit: fixedLimit(2), ...options });
      desk.ask(wish);
      desk.clock.advance(5);
      expect(desk.ask(wish).heard).toEqual(['admitted']);
      expect(desk.admission.limiter.inflight).toBe(2);
      expect(desk.ask({ ...wish, rank: 1 }).permit).toBeUndefined();
    }
  });

  it('serves the newest first once the queue stands and the oldest is late', () => {
    const desk = new Desk({ targetWaitMs: 25 });
    const holder = stand(desk);
    expect(desk.admission.overloaded).toBe(true);
    const oldest = desk.ask();
    desk.clock.advance(20);
    const newest = desk.ask();
    desk.clock.advance(10);
    // 30 ms are not late yet for a target of 25, 40 are.
    expect(desk.admission.line.next(desk.clock.monotonicMs(), LOAD)).toBe(oldest.place);
    desk.clock.advance(10);
    holder.permit!.ignore();
    desk.turn();
    expect([oldest.heard, newest.heard]).toEqual([[], ['admitted']]);
    desk.clock.advance(20);
    expect(oldest.heard).toEqual(['codel']);
  });

  it('predicts for the urgent by all that leaves, since all of it would let them go first', () => {
    const line = new WaitingLine(['high', 'low'], 1e6);
    const waiter = (rank: number): Waiter =>
      new Waiter(new Client(), 1, rank, 0, Infinity, 'timeout');
    const low = Array.from({ length: 40 }, () => waiter(1));
    for (const one of [...low, waiter(0)]) line.add(one, undefined, 0, LOAD);
    for (const [at, one] of low.slice(0, 30).entries()) line.take(one, at * 2, LOAD);
    expect(line.predictMs(0, 1, undefined, 58, LOAD)).toBeLessThan(4);
    expect(line.predictMs(1, 1, undefined, 58, LOAD)).toBeGreaterThan(15);
  });

  it('refuses everybody who waits when it is closed, and takes permits back afterwards', () => {
    const desk = new Desk();
    const holder = desk.ask();
    const waiting = [desk.ask(), desk.ask({ rank: 2 })];
    desk.admission.close();
    desk.admission.close();
    expect(waiting.map(({ heard }) => heard)).toEqual([['closed'], ['closed']]);
    expect(holder.permit!.success()).toBe(true);
    expect(desk.admission.limiter.inflight).toBe(0);
    expect(desk.clock.pending).toBe(0);
  });

  it('tells once when the queue begins to stand, and once when it does not any more', () => {
    const told: boolean[] = [];
    const desk = new Desk({ onOverload: (overloaded) => told.push(overloaded) });
    const holder = stand(desk);
    expect(told).toEqual([true]);
    holder.permit!.ignore();
    desk.clock.advance(1000);
    expect(told).toEqual([true, false]);
  });
});

/** A limit that somebody turns. */
class Knob implements Limit {
  limit: number = 5;
  samples: number = 0;
  onSample(): void {
    this.samples++;
  }
}

type Act =
  | {
      readonly kind: 'ask';
      readonly cost: number;
      readonly rank: number;
      readonly account: string;
      readonly patienceMs: number;
    }
  | { readonly kind: 'end'; readonly which: number; readonly how: 'success' | 'ignore' | 'dropped' }
  | { readonly kind: 'leave' | 'vanish'; readonly which: number }
  | { readonly kind: 'limit'; readonly to: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'turn' };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      cost: fc.integer({ min: 1, max: 8 }),
      rank: fc.integer({ min: 0, max: 2 }),
      account: fc.constantFrom('a', 'b', 'c'),
      patienceMs: fc.integer({ min: 0, max: 500 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      which: fc.nat(1000),
      how: fc.constantFrom('success' as const, 'ignore' as const, 'dropped' as const),
    }),
  },
  fc.record({ kind: fc.constantFrom('leave' as const, 'vanish' as const), which: fc.nat(1000) }),
  fc.record({ kind: fc.constant('limit' as const), to: fc.integer({ min: 1, max: 12 }) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(60) }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'turn' as const }) },
);

describe('admission, whatever happens', () => {
  it('never exceeds its limit, ends each permit once, tells each client once, and loses nobody', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        const knob = new Knob();
        const desk = new Desk({ limit: knob, maxQueueSize: 6, intervalMs: 20, targetWaitMs: 5 });
        const { limiter, line } = desk.admission;
        const clients: Client[] = [];
        const left = new Set<Client>();
        let counted = 0;
        for (const one of acts) {
          const before = limiter.inflight;
          const endedOnce: boolean[] = [];
          switch (one.kind) {
            case 'ask':
              clients.push(
                desk.ask({
                  ...one,
                  maxWaitMs: one.patienceMs,
                  deadlineMs: desk.clock.monotonicMs() + one.patienceMs * 2,
                }),
              );
              break;
            case 'end': {
              const holding = clients.filter(({ permit }) => permit?.ended === false);
              const permit = holding[one.which % Math.max(1, holding.length)]?.permit;
              if (permit === undefined) break;
              endedOnce.push(
                permit[one.how](),
                permit.success(),
                permit.ignore(),
                permit.dropped(),
              );
              if (one.how !== 'ignore') counted++;
              break;
            }
            case 'leave':
            case 'vanish': {
              const waiting = clients.filter((client) => client.place?.flow !== undefined);
              const client = waiting[one.which % Math.max(1, waiting.length)];
              if (client === undefined) break;
              client.gone = true;
              left.add(client);
              if (one.kind === 'leave') desk.admission.leave(client.place!);
              break;
            }
            case 'limit':
              knob.limit = one.to;
              break;
            case 'pass':
              desk.clock.advance(one.ms);
              break;
            case 'turn':
              desk.turn();
          }
          // What was under way when the limit shrank goes on; nothing begins beyond the limit.
          const held = clients.filter(({ permit }) => permit?.ended === false);
          const cost = held.reduce((sum, { permit }) => sum + permit!.cost, 0);
          expect(limiter.inflight).toBe(cost);
          const within = cost <= before || cost <= limiter.limit || held.length === 1;
          expect(within).toBe(true);
          expect(endedOnce).toEqual(endedOnce.length === 0 ? [] : [true, false, false, false]);
          expect(line.size).toBeLessThanOrEqual(6);
          expect(line.size).toBe(line.classes.reduce((sum, { size }) => sum + size, 0));
          expect(knob.samples).toBe(counted);
        }
        // Let everything end: nobody who stayed is left without a word.
        for (let rounds = 0; rounds < 200 && (line.size > 0 || limiter.inflight > 0); rounds++) {
          for (const { permit } of clients) permit?.success();
          desk.turn();
          desk.clock.advance(10);
        }
        expect([line.size, limiter.inflight]).toEqual([0, 0]);
        for (const client of clients) expect(client.heard.length).toBe(left.has(client) ? 0 : 1);
        desk.admission.close();
        expect(desk.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
