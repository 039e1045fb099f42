/** Functions and spans by name: what is counted, whose time is whose, and what is left untouched. */
import { fakeClock } from '@org/core/testing';
import { type FunctionStats, profiler, type Profiler, type ProfilerOptions } from '@org/profiler';
import {
  type Arbitrary,
  array,
  assert,
  integer,
  letrec,
  oneof,
  property,
  record,
} from 'fast-check';

const clock = fakeClock();

function make(options: Partial<ProfilerOptions> = {}): Profiler {
  return profiler({ clock, stallMs: false, ...options });
}

function statsOf(made: Profiler, name: string): FunctionStats | undefined {
  return made.functions().find((one) => one.name === name);
}

/** A promise that is resolved from outside. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Lets everything that is ready run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a profiled function', () => {
  it('keeps this, arguments, result, name and length', () => {
    const made = make();
    const original = function add(this: { base: number }, one: number, other: number): number {
      return this.base + one + other;
    };
    const add = made.profile(original);
    expect(add.call({ base: 1 }, 2, 3)).toBe(6);
    expect([add.name, add.length]).toEqual(['add', 2]);
    expect(add).not.toBe(original);
    expect(statsOf(made, 'add')).toEqual({
      name: 'add',
      calls: 1,
      failures: 0,
      selfMs: 0,
      totalMs: 0,
    });
  });

  it('has self time without what it calls, and total time with it', () => {
    const made = make();
    const inner = made.profile(() => clock.advance(30), 'inner');
    const outer = made.profile(() => {
      clock.advance(5);
      inner();
      inner();
      clock.advance(5);
    }, 'outer');
    outer();
    expect(statsOf(made, 'outer')).toMatchObject({ calls: 1, selfMs: 10, totalMs: 70 });
    expect(statsOf(made, 'inner')).toMatchObject({ calls: 2, selfMs: 60, totalMs: 60 });
    expect(made.functions().map(({ name }) => name)).toEqual(['inner', 'outer']);
  });

  it('counts the time of a recursion once', () => {
    const made = make();
    const down: (depth: number) => void = made.profile((depth: number) => {
      clock.advance(1);
      if (depth > 1) down(depth - 1);
    }, 'down');
    down(10);
    expect(statsOf(made, 'down')).toMatchObject({ calls: 10, selfMs: 10, totalMs: 10 });
  });

  it('counts throws and rejections as failures, and passes them on', async () => {
    const made = make();
    const thrown = new Error('thrown');
    const rejected = new Error('rejected');
    const throws = made.profile(() => {
      throw thrown;
    }, 'throws');
    const rejects = made.profile(() => Promise.reject(rejected), 'rejects');
    expect(throws).toThrow(thrown);
    await expect(rejects()).rejects.toBe(rejected);
    expect(statsOf(made, 'throws')).toMatchObject({ calls: 1, failures: 1 });
    expect(statsOf(made, 'rejects')).toMatchObject({ calls: 1, failures: 1 });
    const after = made.profile(() => clock.advance(1), 'after');
    after();
    expect(statsOf(made, 'after')).toMatchObject({ selfMs: 1, totalMs: 1 });
  });

  it('takes the time until its promise is settled', async () => {
    const made = make();
    const { opened, open } = gate();
    const waits = made.profile(async () => {
      clock.advance(1);
      await opened;
      clock.advance(2);
      return 'done';
    }, 'waits');
    const answer = waits();
    clock.advance(100);
    expect(statsOf(made, 'waits')).toBeUndefined();
    open();
    expect(await answer).toBe('done');
    expect(statsOf(made, 'waits')).toMatchObject({ calls: 1, selfMs: 103, totalMs: 103 });
  });

  it('knows behind an await who called whom, whoever else runs at the same time', async () => {
    const made = make();
    const query = made.profile(async (ended: Promise<void>) => ended, 'query');
    const handle = (name: string, begun: Promise<void>, ended: Promise<void>): Promise<void> =>
      made.profile(async () => {
        await begun;
        await query(ended);
      }, name)();
    const [begunA, begunB, endedA, endedB] = [gate(), gate(), gate(), gate()];
    const [a, b] = [
      handle('a', begunA.opened, endedA.opened),
      handle('b', begunB.opened, endedB.opened),
    ];
    clock.advance(10);
    begunA.open();
    await turn();
    clock.advance(100);
    begunB.open();
    await turn();
    clock.advance(1000);
    endedA.open();
    await a;
    clock.advance(10_000);
    endedB.open();
    await b;
    expect(statsOf(made, 'a')).toMatchObject({ selfMs: 10, totalMs: 1110 });
    expect(statsOf(made, 'b')).toMatchObject({ selfMs: 110, totalMs: 11_110 });
    expect(statsOf(made, 'query')).toMatchObject({ calls: 2, selfMs: 12_100, totalMs: 12_100 });
  });

  it('takes off children that run side by side once', async () => {
    const made = make();
    const gates = [gate(), gate(), gate()];
    const child = made.profile(async (at: number) => gates[at]!.opened, 'child');
    const parent = made.profile(async () => {
      clock.advance(1);
      await Promise.all([child(0), child(1), child(2)]);
      clock.advance(1);
    }, 'parent');
    const ended = parent();
    for (const { open } of gates) {
      clock.advance(50);
      open();
      await turn();
    }
    await ended;
    expect(statsOf(made, 'parent')).toMatchObject({ selfMs: 2, totalMs: 152 });
    expect(statsOf(made, 'child')).toMatchObject({ calls: 3, totalMs: 50 + 100 + 150 });
  });

  it('is not charged for a child that outlives it', async () => {
    const made = make();
    const { opened, open } = gate();
    const late = made.profile(() => opened, 'late');
    let ended: Promise<void> | undefined;
    made.span('parent', () => {
      clock.advance(3);
      ended = late();
      clock.advance(4);
    });
    clock.advance(100);
    open();
    await ended;
    expect(statsOf(made, 'parent')).toMatchObject({ selfMs: 3, totalMs: 7 });
    expect(statsOf(made, 'late')).toMatchObject({ selfMs: 104, totalMs: 104 });
  });

  it('has the steps of a generator timed, and not the pauses between them', () => {
    const made = make();
    const numbers = made.profile(function* numbers(limit: number): Generator<number, string> {
      for (let at = 0; at < limit; at++) {
        clock.advance(5);
        yield at;
      }
      return 'end';
    });
    const seen: number[] = [];
    for (const number of numbers(3)) {
      clock.advance(100);
      seen.push(number);
    }
    expect(seen).toEqual([0, 1, 2]);
    expect(statsOf(made, 'numbers')).toMatchObject({ calls: 1, selfMs: 15, totalMs: 15 });
    const iterator = numbers(1);
    expect([iterator.next(), iterator.next()]).toEqual([
      { value: 0, done: false },
      { value: 'end', done: true },
    ]);
    const broken = numbers(5);
    broken.next();
    expect(() => broken.throw(new Error('stop'))).toThrow('stop');
    expect(statsOf(made, 'numbers')).toMatchObject({ calls: 3, failures: 1 });
  });

  it('has the steps of an asynchronous generator timed', async () => {
    const made = make();
    const rows = made.profile(async function* rows() {
      for (let at = 0; at < 2; at++) {
        await turn();
        clock.advance(7);
        yield at;
      }
    });
    const seen: number[] = [];
    for await (const row of rows()) {
      clock.advance(100);
      seen.push(row);
    }
    expect(seen).toEqual([0, 1]);
    expect(statsOf(made, 'rows')).toMatchObject({ calls: 1, totalMs: 14 });
  });

  it('cannot be a class', () => {
    class Thing {
      readonly part: number = 1;
    }
    expect(() => make().profile(Thing as unknown as () => void)).toThrow(
      'profiler.profile takes a function, but Thing is a class: profile its methods instead.',
    );
  });

  it('cannot be what is no function', () => {
    const nothing = undefined as unknown as () => void;
    expect(() => make().profile(nothing)).toThrow(
      'profiler.profile takes a function, but was given undefined.',
    );
  });

  it('is one of a bounded number of names; the rest is counted together', () => {
    const made = make({ maxFunctions: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'a']) made.span(name, () => clock.advance(1));
    expect(made.functions().map(({ name, calls }) => [name, calls])).toEqual([
      ['a', 2],
      ['(others)', 2],
      ['b', 1],
    ]);
    expect(made.stats()['overflowedCallsTotal']).toBe(2);
  });

  it('runs on unprofiled once the profiler is closed', async () => {
    const made = make();
    const twice = made.profile((value: number) => value * 2, 'twice');
    twice(1);
    await made.close();
    expect(twice(21)).toBe(42);
    expect(statsOf(made, 'twice')).toMatchObject({ calls: 1 });
  });
});

describe('a span', () => {
  it('answers what its work answers', async () => {
    const made = make();
    expect(made.span('sync', () => 1)).toBe(1);
    expect(await made.span('async', async () => 2)).toBe(2);
    expect(made.functions().map(({ calls }) => calls)).toEqual([1, 1]);
  });

  it('ends by hand, once', () => {
    const made = make();
    const upload = made.span('upload');
    clock.advance(40);
    upload.end(true);
    clock.advance(40);
    upload.end();
    expect(statsOf(made, 'upload')).toEqual({
      name: 'upload',
      calls: 1,
      failures: 1,
      selfMs: 40,
      totalMs: 40,
    });
  });
});

interface Call {
  readonly name: number;
  readonly ms: number;
  readonly calls: readonly Call[];
}

const NAME = integer({ min: 0, max: 4 });
const MS = integer({ min: 0, max: 100 });

const { call }: { call: Arbitrary<Call> } = letrec<{ call: Call }>((tie) => ({
  call: oneof(
    { maxDepth: 4 },
    record({ name: NAME, ms: MS }).map((leaf) => ({ ...leaf, calls: [] })),
    record({ name: NAME, ms: MS, calls: array(tie('call'), { maxLength: 3 }) }),
  ),
}));

describe('self times', () => {
  it('add up to the whole time, whoever calls whom', () => {
    assert(
      property(call, (root) => {
        const made = make();
        const run = ({ name, ms, calls }: Call): void =>
          made.span(`f${name}`, () => {
            clock.advance(ms);
            calls.forEach(run);
          });
        const startMs = clock.monotonicMs();
        run(root);
        const wholeMs = clock.monotonicMs() - startMs;
        const stats = made.functions();
        expect(stats.reduce((sum, { selfMs }) => sum + selfMs, 0)).toBe(wholeMs);
        expect(statsOf(made, `f${root.name}`)!.totalMs).toBe(wholeMs);
        for (const { selfMs, totalMs } of stats) {
          expect(selfMs).toBeGreaterThanOrEqual(0);
          expect(totalMs).toBeGreaterThanOrEqual(selfMs);
          expect(totalMs).toBeLessThanOrEqual(wholeMs);
        }
      }),
    );
  });

  it('add up the same where every call awaits', async () => {
    const made = make();
    const run = (depth: number, width: number): Promise<void> =>
      made.span(`level ${depth}`, async () => {
        clock.advance(1);
        const calls = depth === 0 ? 0 : width;
        for (let at = 0; at < calls; at++) {
          await run(depth - 1, width);
          clock.advance(1);
        }
      });
    // The first call of what turns out to be asynchronous knows its callers, but not yet those it calls.
    await run(3, 1);
    const before = new Map(made.functions().map((one) => [one.name, one]));
    const startMs = clock.monotonicMs();
    await run(3, 2);
    const wholeMs = clock.monotonicMs() - startMs;
    const since = made
      .functions()
      .map(({ name, selfMs }) => selfMs - before.get(name)!.selfMs)
      .reduce((sum, selfMs) => sum + selfMs, 0);
    expect(since).toBe(wholeMs);
  });
});
