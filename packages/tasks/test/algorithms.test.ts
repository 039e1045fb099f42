import * as fc from 'fast-check';
import { fakeClock } from '@org/core/testing';

import { BACKOFF_DEFAULTS, backoffMs } from '../src/backoff.ts';
import { agedLevel, levelOf } from '../src/bullmq/levels.ts';
import { DueTimes } from '../src/due-times.ts';
import { Lane } from '../src/embedded/lane.ts';
import { deleteLine, endLine, putLine, Replay, runLine } from '../src/embedded/records.ts';
import { StoredJob } from '../src/embedded/stored-job.ts';
import { Heap, type Ranked } from '../src/heap.ts';
import { RecentTimes } from '../src/recent-times.ts';

function ranked(rank: number, sequence: number): Ranked {
  return { rank, sequence, place: -1 };
}

let made = 0;
function job(given: Partial<StoredJob> = {}): StoredJob {
  const one = new StoredJob({
    id: given.id ?? `job-${++made}`,
    isNamed: false,
    type: given.type ?? 'type',
    data: given.data ?? '{}',
    carrier: given.carrier,
    priority: given.priority ?? 0,
    addedAt: given.addedAt ?? 0,
    dueAt: given.dueAt ?? 0,
    dedup: given.dedup,
    schedule: given.schedule,
  });
  return Object.assign(one, { state: given.state ?? 'waiting', failed: given.failed ?? 0 });
}

describe('the heap', () => {
  test('gives its members back by rank, first in first out, whatever was moved and deleted', () => {
    const command = fc.record({
      what: fc.constantFrom('push', 'push', 'pop', 'move', 'delete'),
      rank: fc.integer({ min: 0, max: 20 }),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const heap = new Heap<Ranked>();
        const model: Ranked[] = [];
        const outcomes: [unknown, unknown][] = [];
        const first = (): Ranked | undefined =>
          model.toSorted((one, other) => one.rank - other.rank || one.sequence - other.sequence)[0];
        for (const [sequence, { what, rank, which }] of commands.entries()) {
          const some = model[which % model.length];
          if (what === 'push') {
            const member = ranked(rank, sequence);
            model.push(member);
            heap.push(member);
          } else if (what === 'pop') {
            const expected = first();
            outcomes.push([heap.pop(), expected]);
            if (expected !== undefined) model.splice(model.indexOf(expected), 1);
          } else if (some !== undefined && what === 'move') {
            heap.move(some, rank);
          } else if (some !== undefined) {
            outcomes.push([heap.delete(some), true], [heap.delete(some), false]);
            model.splice(model.indexOf(some), 1);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.peek()).toBe(first());
        }
        for (const [found, expected] of outcomes) expect(found).toBe(expected);
      }),
    );
  });
});

describe('what is due', () => {
  test('comes in its order, none before its time, all behind one timer', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 200_000 }), { maxLength: 50 }), (times) => {
        const clock = fakeClock();
        const heard: number[] = [];
        const due = new DueTimes<Ranked>(
          clock,
          () => clock.monotonicMs(),
          (member) => {
            expect(clock.monotonicMs()).toBeGreaterThanOrEqual(member.rank);
            heard.push(member.rank);
          },
        );
        for (const [sequence, at] of times.entries()) due.add(ranked(0, sequence), at);
        expect(clock.pending).toBeLessThanOrEqual(1);
        while (due.size > 0) clock.advance(777);
        expect(heard).toEqual(times.toSorted((one, other) => one - other));
        expect(clock.pending).toBe(0);
      }),
    );
  });

  test('is noticed when the wall clock is set on, without waiting for the whole time', () => {
    const clock = fakeClock();
    let setOnMs = 0;
    let heard = 0;
    const due = new DueTimes<Ranked>(
      clock,
      () => clock.now() + setOnMs,
      () => void heard++,
    );
    due.add(ranked(0, 0), clock.now() + 86_400_000);
    setOnMs = 86_400_000;
    clock.advance(30_000);
    expect(heard).toBe(1);
  });
});

describe('a lane', () => {
  test('lets nobody starve: who has waited for the difference in priority goes before all who come then', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -100, max: 100 }),
        fc.integer({ min: -100, max: 100 }),
        fc.nat({ max: 1000 }),
        (patient, urgent, moreMs) => {
          const lane = new Lane('lane', 1000);
          const old = job({ priority: patient });
          lane.push(old, 0);
          lane.push(job({ priority: urgent }), Math.max(0, urgent - patient) * 1000 + moreMs);
          expect(lane.pop()).toBe(old);
        },
      ),
    );
  });

  test('is first in first out among equals, and lets the urgent go first among those of one time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 50 }), (priorities) => {
        const lane = new Lane('lane', 1000);
        const jobs = priorities.map((priority) => job({ priority }));
        for (const one of jobs) lane.push(one, 0);
        const expected = jobs.toSorted((one, other) => other.priority - one.priority);
        expect(jobs.map(() => lane.pop())).toEqual(expected);
      }),
    );
  });
});

describe('levels of BullMQ', () => {
  test('rise with age to the top, and never beyond', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -100, max: 100 }),
        fc.nat({ max: 1e9 }),
        fc.nat({ max: 1e6 }),
        (priority, waitedMs, moreMs) => {
          const level = agedLevel(priority, waitedMs, 1000);
          expect(level).toBeGreaterThanOrEqual(1);
          expect(level).toBeLessThanOrEqual(levelOf(priority));
          expect(agedLevel(priority, waitedMs + moreMs, 1000)).toBeLessThanOrEqual(level);
        },
      ),
    );
  });
});

describe('waits between attempts', () => {
  test('stay within the jitter of what was asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random) => {
          const waitMs = backoffMs(BACKOFF_DEFAULTS, attempt, () => random);
          const planMs = Math.min(3_600_000, 1000 * 2 ** (attempt - 1));
          expect(waitMs).toBeGreaterThanOrEqual(Math.floor(planMs * 0.8));
          expect(waitMs).toBeLessThanOrEqual(Math.ceil(planMs * 1.2));
        },
      ),
    );
  });
});

describe('the log', () => {
  const anyJob = fc.record({
    id: fc.string({ minLength: 1, unit: 'binary' }),
    type: fc.stringMatching(/^[\w.-]{1,20}$/),
    data: fc.json(),
    priority: fc.integer({ min: -100, max: 100 }),
    addedAt: fc.nat(),
    dueAt: fc.nat(),
    failed: fc.nat({ max: 5 }),
  });

  function replayed(lines: string): ReadonlyMap<string, StoredJob> {
    const replay = new Replay(false);
    const parts = lines.split('\n');
    const rest = parts.pop() ?? '';
    for (const part of parts) replay.line(part);
    if (rest !== '') replay.rest(rest);
    return replay.result().jobs;
  }

  test('gives back what was put in, each job in one line', () => {
    fc.assert(
      fc.property(anyJob, (given) => {
        const one = job(given);
        const text = putLine(one);
        expect(text.indexOf('\n')).toBe(text.length - 1);
        const found = replayed(text).get(one.id)!;
        expect(JSON.parse(found.data)).toEqual(JSON.parse(one.data));
        expect(Object.assign(found, { data: one.data })).toEqual(one);
      }),
    );
  });

  test('says the same read twice, as after a snapshot that knew it', () => {
    const step = fc.constantFrom(
      (one: StoredJob) => putLine(one),
      (one: StoredJob) => runLine(one),
      (one: StoredJob) => endLine(one),
      ({ id }: StoredJob) => deleteLine(id),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat({ max: 3 })), { maxLength: 40 }), (steps) => {
        const jobs = [1, 2, 3, 4].map((n) => job({ id: `${n}` }));
        const lines = steps.map(([make, which]) => make(jobs[which]!));
        const once = replayed(lines.join(''));
        const states = (found: ReadonlyMap<string, StoredJob>) =>
          [...found.values()].map(({ id, state }) => `${id} ${state}`).toSorted();
        expect(states(replayed(lines.join('') + lines.slice(-1).join('')))).toEqual(states(once));
        const snapshot = [...once.values()].map((one) => putLine(one)).join('');
        const last = lines.at(-1) ?? '';
        expect(states(replayed(snapshot))).toEqual(states(once));
        expect(states(replayed(snapshot + last))).toEqual(states(once));
      }),
    );
  });

  test('is not led astray by any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (lines) => {
        const one = job();
        expect(replayed(`${lines.join('\n')}\n${putLine(one)}`).has(one.id)).toBe(true);
      }),
    );
  });
});

describe('recent times', () => {
  test('tell the percentiles of the latest', () => {
    const times = new RecentTimes();
    expect(times.percentiles()).toEqual({ p50: 0, p95: 0, p99: 0 });
    for (let ms = 1; ms <= 1000; ms++) times.add(ms);
    expect(times.percentiles()).toEqual({ p50: 873, p95: 988, p99: 998 });
  });
});
