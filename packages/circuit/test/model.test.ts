/** The state machine against a model of it, in random runs with a clock that stands still until moved. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { type Breaker, circuit, type CircuitState } from '@org/circuit';

const FAILURES = 3;
const PROBES = 2;
const OPEN_MS = 1000;
const MAX_OPEN_MS = 4000;

/** A call that was let in, and has not come back. */
interface Pending {
  readonly epoch: number;
  /** Makes it come back. */
  readonly end: (how: 'success' | 'failure' | 'given up') => Promise<void>;
}

interface Model {
  kind: CircuitState['kind'];
  epoch: number;
  inARow: number;
  openings: number;
  dueMs: number;
  nowMs: number;
  successes: number;
  probes: number;
  admittedMs: number;
  readonly pending: Pending[];
}

interface Real {
  readonly breaker: Breaker;
  readonly clock: FakeClock;
}

type Command = fc.AsyncCommand<Model, Real>;

const move = (model: Model, kind: Model['kind']): void => {
  model.kind = kind;
  model.epoch++;
  model.inARow = model.successes = model.probes = 0;
  model.admittedMs = Number.NEGATIVE_INFINITY;
  if (kind === 'closed') model.openings = 0;
  if (kind === 'open') {
    model.dueMs = model.nowMs + Math.min(MAX_OPEN_MS, OPEN_MS * 2 ** model.openings++);
  }
};

/** Whether the model lets a call in. */
const admits = (model: Model): boolean => {
  if (model.kind === 'closed') return true;
  if (model.kind !== 'half-open') return false;
  const hasPlace = model.successes + model.probes < PROBES;
  return hasPlace || model.nowMs - model.admittedMs >= OPEN_MS;
};

const check = (model: Model, { breaker }: Real): void => {
  assert.equal(breaker.state.kind, model.kind);
  assert.equal(breaker.stats().inflight, model.pending.length);
};

class Begin implements Command {
  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    let resolve!: () => void;
    let reject!: (error: unknown) => void;
    let called = false;
    const done = real.breaker.run(() => {
      called = true;
      return new Promise<void>((one, other) => {
        [resolve, reject] = [one, other];
      });
    });
    const expected = admits(model);
    assert.equal(called, expected);
    if (!expected) {
      await assert.rejects(done, { code: 'ERR_CIRCUIT_OPEN', status: 503 });
    } else {
      if (model.kind === 'half-open') {
        model.probes++;
        model.admittedMs = model.nowMs;
      }
      const end: Pending['end'] = async (how) => {
        if (how === 'success') resolve();
        else reject(how === 'failure' ? new Error('no') : new DOMException('gone', 'AbortError'));
        await done.catch(() => undefined);
      };
      model.pending.push({ epoch: model.epoch, end });
    }
    check(model, real);
  }

  toString(): string {
    return 'begin';
  }
}

class End implements Command {
  private readonly which: number;
  private readonly how: 'success' | 'failure' | 'given up';

  constructor(which: number, how: 'success' | 'failure' | 'given up') {
    this.which = which;
    this.how = how;
  }

  check({ pending }: Readonly<Model>): boolean {
    return pending.length > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    const [ended] = model.pending.splice(this.which % model.pending.length, 1);
    await ended!.end(this.how);
    if (ended!.epoch === model.epoch) this.settle(model);
    check(model, real);
  }

  private settle(model: Model): void {
    if (model.kind === 'half-open') model.probes--;
    if (this.how === 'given up') return;
    model.inARow = this.how === 'failure' ? model.inARow + 1 : 0;
    if (model.kind === 'closed') {
      if (model.inARow === FAILURES) move(model, 'open');
    } else if (this.how === 'failure') {
      move(model, 'open');
    } else {
      model.successes++;
      if (model.successes === PROBES) move(model, 'closed');
    }
  }

  toString(): string {
    return `end ${this.which} as ${this.how}`;
  }
}

class Advance implements Command {
  private readonly byMs: number;

  constructor(byMs: number) {
    this.byMs = byMs;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    real.clock.advance(this.byMs);
    model.nowMs += this.byMs;
    if (model.kind === 'open' && model.nowMs >= model.dueMs) move(model, 'half-open');
    check(model, real);
  }

  toString(): string {
    return `advance ${this.byMs} ms`;
  }
}

class ByHand implements Command {
  private readonly what: 'open' | 'close' | 'reset';

  constructor(what: 'open' | 'close' | 'reset') {
    this.what = what;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    real.breaker[this.what]();
    if (this.what === 'open') {
      if (model.kind !== 'isolated') move(model, 'isolated');
    } else if (this.what === 'reset' || model.kind !== 'closed') {
      move(model, 'closed');
    }
    check(model, real);
  }

  toString(): string {
    return this.what;
  }
}

test('keeps to the model, whatever happens in whatever order', async () => {
  const commands = fc.commands(
    [
      fc.constant(new Begin()),
      fc.constant(new Begin()),
      fc
        .tuple(fc.nat(5), fc.constantFrom('success' as const, 'failure', 'failure', 'given up'))
        .map(([which, how]) => new End(which, how)),
      fc.constantFrom(1, 400, 1000, 2000, 5000).map((byMs) => new Advance(byMs)),
      fc.constantFrom('open' as const, 'close', 'reset').map((what) => new ByHand(what)),
    ],
    { maxCommands: 60, size: '+1' },
  );
  await fc.assert(
    fc.asyncProperty(commands, async (list) => {
      const clock = fakeClock();
      const made = circuit({
        strategies: ['consecutive'],
        consecutiveFailures: FAILURES,
        halfOpenCalls: PROBES,
        closeRatio: 0,
        openMs: OPEN_MS,
        maxOpenMs: MAX_OPEN_MS,
        openJitterRatio: 0,
        clock,
      });
      const model: Model = {
        kind: 'closed',
        epoch: 0,
        inARow: 0,
        openings: 0,
        dueMs: 0,
        nowMs: 0,
        successes: 0,
        probes: 0,
        admittedMs: Number.NEGATIVE_INFINITY,
        pending: [],
      };
      await fc.asyncModelRun(() => ({ model, real: { breaker: made.breaker, clock } }), list);
      await made.close();
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('recovers by itself once everything works again, however it came to be open', async () => {
  const outcomes = fc.array(fc.tuple(fc.nat(300), fc.boolean()), { minLength: 10, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(outcomes, async (list) => {
      const clock = fakeClock();
      const made = circuit({ clock, minimumCalls: 5, random: () => 0.5 });
      const call = (fails: boolean): Promise<unknown> =>
        made
          .run(() => (fails ? Promise.reject(new Error('no')) : Promise.resolve()))
          .catch(() => undefined);
      for (const [afterMs, fails] of list) {
        clock.advance(afterMs);
        await call(fails);
      }
      for (let passed = 0; passed < 200 && made.breaker.state.kind !== 'closed'; passed++) {
        clock.advance(1000);
        await call(false);
      }
      expect(made.breaker.state.kind).toBe('closed');
      await made.close();
    }),
    { numRuns: 50 },
  );
});
