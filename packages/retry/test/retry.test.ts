import { channel } from 'node:diagnostics_channel';
import { getEventListeners, getMaxListeners } from 'node:events';
import {
  type CallContext,
  type CallPolicy,
  compose as coreCompose,
  type Given,
  ProblemError,
} from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import {
  compose,
  failedAttempts,
  retry,
  RETRY_CHANNEL,
  type Retry,
  retryBudget,
  type RetryEvent,
  type RetryOptions,
} from '@org/retry';

/** A retry whose waits pass as soon as they have begun. */
interface Fixture {
  readonly retry: Retry;
  readonly clock: FakeClock;
  readonly events: RetryEvent[];
  readonly delays: () => number[];
}

function fixture(options: Given<RetryOptions> = {}): Fixture {
  const clock = fakeClock();
  const events: RetryEvent[] = [];
  const made = retry({
    clock,
    random: () => 0.5,
    jitter: 'none',
    onEvent(event) {
      events.push(event);
      if (event.type === 'retry') setImmediate(() => clock.advance(event.delayMs));
    },
    ...options,
  });
  const delays = (): number[] =>
    events.flatMap((event) => (event.type === 'retry' ? [event.delayMs] : []));
  return { retry: made, clock, events, delays };
}

/** A call that fails so often, and then is well; keeps what it was told. */
function failing(times: number, error: () => unknown = () => new Error('not now')) {
  const told: CallContext[] = [];
  const call = (context: CallContext): Promise<string> => {
    told.push(context);
    return told.length <= times ? Promise.reject(error()) : Promise.resolve(`after ${told.length}`);
  };
  return { call, told };
}

const caught = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not reject');
};

describe('run', () => {
  test('answers what succeeds at once, and waits for nothing', async () => {
    const { retry: once, clock } = fixture();
    const { call, told } = failing(0);
    await expect(once.run(call)).resolves.toBe('after 1');
    expect(told).toEqual([{ attempt: 1 }]);
    expect(clock.pending).toBe(0);
    expect(once.stats?.()).toMatchObject({ callsTotal: 1, retriesTotal: 0, recoveredTotal: 0 });
  });

  test('tries again until it succeeds, and tells each attempt its number', async () => {
    const { retry: again, delays } = fixture();
    const { call, told } = failing(2);
    await expect(again.run(call)).resolves.toBe('after 3');
    expect(told.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(delays()).toEqual([100, 200]);
    expect(again.stats?.()).toMatchObject({ callsTotal: 1, retriesTotal: 2, recoveredTotal: 1 });
  });

  test('rejects with the last error, which tells of the attempts', async () => {
    const { retry: again } = fixture({ maxAttempts: 3 });
    const errors = [1, 2, 3].map((at) => new Error(`failed ${at}`));
    const { call, told } = failing(9, () => errors[told.length - 1]);
    const error = await caught(again.run(call));
    expect(error).toBe(errors[2]);
    expect(told).toHaveLength(3);
    expect(failedAttempts(error)).toEqual({
      attempts: 3,
      gaveUp: 'attempts',
      reasons: [errors[0], errors[1]],
    });
    // Logs show how often, and not everything that came before.
    expect(Object.keys(error)).toEqual(['attempts', 'gaveUp']);
    expect(again.stats?.()).toMatchObject({ retriesTotal: 2, attemptsExhaustedTotal: 1 });
  });

  test('leaves an error as it was where there was nothing to try again', async () => {
    const { retry: again, events } = fixture();
    const { call, told } = failing(9, () => new TypeError('a mistake'));
    const error = await caught(again.run(call));
    expect(told).toHaveLength(1);
    expect(failedAttempts(error)).toBeUndefined();
    expect(Object.keys(error)).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['attempt']);
  });

  test('takes errors that nothing can be written on', async () => {
    const { retry: again } = fixture({ maxAttempts: 2 });
    const frozen = Object.freeze(new Error('frozen'));
    expect(await caught(again.run(failing(9, () => frozen).call))).toBe(frozen);
    expect(await caught(again.run(failing(9, () => 'text').call))).toBe('text');
    expect(failedAttempts('text')).toBeUndefined();
  });

  test('a call that throws before it has a promise is tried again as well', async () => {
    const { retry: again } = fixture();
    let calls = 0;
    const result = again.run(() => {
      if (++calls === 1) throw new Error('at once');
      return Promise.resolve('then');
    });
    await expect(result).resolves.toBe('then');
  });

  test('what is worth another attempt is the caller’s to say', async () => {
    const { retry: again } = fixture({
      retryError: (error) => (error as Error).message === 'again',
      retryResult: (result) => result === 'poor',
    });
    expect((await caught(again.run(failing(9).call))).message).toBe('not now');
    await expect(again.run(failing(1, () => new TypeError('again')).call)).resolves.toBe('after 2');
    const results = ['poor', 'good'];
    await expect(again.run(() => Promise.resolve(results.shift()))).resolves.toBe('good');
    // A result that stays poor is the caller's.
    await expect(again.run(() => Promise.resolve('poor'))).resolves.toBe('poor');
  });

  test('answers with a status that is tried again are no results', async () => {
    const { retry: again } = fixture();
    const statuses = [503, 429, 200];
    const call = () => Promise.resolve(new Response('x', { status: statuses.shift()! }));
    await expect(again.run(call)).resolves.toMatchObject({ status: 200 });
    expect(statuses).toEqual([]);
  });

  test('wrap keeps the function’s own arguments, and what it is called on', async () => {
    const { retry: again } = fixture();
    const stock = {
      left: 7,
      find: again.wrap(async function (this: void | { left: number }) {
        return this?.left;
      }),
    };
    await expect(stock.find()).resolves.toBe(7);
    let calls = 0;
    const add = again.wrap(async (a: number, b: number) => {
      if (++calls < 3) throw new Error('not now');
      return a + b;
    });
    await expect(add(2, 3)).resolves.toBe(5);
  });
});

describe('waits', () => {
  test('grow up to the longest', async () => {
    const { retry: again, delays } = fixture({ maxAttempts: 6, maxDelayMs: 500 });
    await caught(again.run(failing(9).call));
    expect(delays()).toEqual([100, 200, 400, 500, 500]);
  });

  test('are left to chance as the jitter says', async () => {
    const { retry: again, delays } = fixture({ jitter: 'decorrelated', maxAttempts: 4 });
    await caught(again.run(failing(9).call));
    // Half-way between the first wait and three times the last one.
    expect(delays()).toEqual([200, 350, 575]);
  });

  test('are as long as Retry-After asks, and a little apart', async () => {
    const { retry: again, delays } = fixture();
    const busy = (): Error =>
      new ProblemError({
        code: 'ERR_BUSY',
        status: 503,
        detail: 'busy',
        headers: { 'Retry-After': '2' },
      });
    await again.run(failing(1, busy).call);
    expect(delays()).toEqual([2050]);
  });

  test('give up at once where Retry-After asks for longer than the longest', async () => {
    const { retry: again, delays } = fixture({ maxDelayMs: 1999 });
    const answer = new Response('later', { status: 503, headers: { 'Retry-After': '2' } });
    await expect(again.run(() => Promise.resolve(answer))).resolves.toBe(answer);
    expect(delays()).toEqual([]);
    expect(again.stats?.()).toMatchObject({ retryAfterTooLongTotal: 1 });
    await expect(answer.text()).resolves.toBe('later');
  });

  test('end with the caller, and nothing is tried any more', async () => {
    const { retry: again, clock } = fixture({ onEvent: undefined });
    const caller = new AbortController();
    const { call, told } = failing(9);
    const result = again.run(call, { signal: caller.signal });
    await new Promise(setImmediate);
    expect(clock.pending).toBe(1);
    caller.abort(new Error('gone'));
    expect((await caught(result)).message).toBe('gone');
    expect(clock.pending).toBe(0);
    expect(told).toHaveLength(1);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  test('a hook that ends the caller, or the retry, ends the wait that it is told of', async () => {
    const caller = new AbortController();
    const clock = fakeClock();
    const leaving = retry({ clock, onEvent: ({ type }) => type === 'retry' && caller.abort() });
    await caught(leaving.run(failing(9).call, { signal: caller.signal }));
    const closing: Retry = retry({
      clock,
      onEvent: ({ type }) => void (type === 'retry' && closing.close?.()),
    });
    expect(await caught(closing.run(failing(9).call))).toMatchObject({ code: 'ERR_RETRY_CLOSED' });
    expect(clock.pending).toBe(0);
  });

  test('what fails because its caller has gone is neither tried again nor counted', async () => {
    const { retry: again } = fixture();
    const caller = new AbortController();
    const call = (): Promise<never> => {
      caller.abort(new Error('gone'));
      return Promise.reject(new Error('interrupted'));
    };
    const error = await caught(again.run(call, { signal: caller.signal }));
    expect(error.message).toBe('interrupted');
    expect(again.stats?.()).toMatchObject({ retriesTotal: 0, attemptsExhaustedTotal: 0 });
  });

  test('a call for a caller who has gone is not made', async () => {
    const { retry: again } = fixture();
    const { call, told } = failing(0);
    const signal = AbortSignal.abort(new Error('gone'));
    expect((await caught(again.run(call, { signal }))).message).toBe('gone');
    expect(told).toHaveLength(0);
  });

  test('end with the retry, whose calls then have one attempt', async () => {
    const { retry: again, clock } = fixture({ onEvent: undefined });
    const result = caught(again.run(failing(9).call));
    await new Promise(setImmediate);
    await again.close?.();
    await again.close?.();
    const error = await result;
    expect(again.stats?.()).toMatchObject({ callsTotal: 1, retriesTotal: 0 });
    expect(error).toMatchObject({ code: 'ERR_RETRY_CLOSED' });
    expect(error.cause).toMatchObject({ message: 'not now' });
    expect(clock.pending).toBe(0);
    const { call, told } = failing(9);
    expect(failedAttempts(await caught(again.run(call)))).toMatchObject({ gaveUp: 'closed' });
    expect(told).toHaveLength(1);
  });

  test('leave no listener on a signal that many calls share', async () => {
    const { retry: again } = fixture({ maxAttempts: 2 });
    const { signal } = new AbortController();
    const calls = Array.from({ length: 50 }, () => again.run(failing(1).call, { signal }));
    await Promise.all(calls);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    // Node takes more than ten for a leak.
    expect(getMaxListeners(signal)).toBe(Infinity);
  });
});

describe('time', () => {
  test('no wait goes past the deadline, and no attempt begins that cannot end', async () => {
    const { retry: again, clock, delays } = fixture({ maxAttempts: 9, minAttemptMs: 50 });
    const { signal } = new AbortController();
    const within = (ms: number) => ({ signal, deadlineMs: clock.monotonicMs() + ms });
    expect(failedAttempts(await caught(again.run(failing(9).call, within(149))))).toMatchObject({
      attempts: 1,
      gaveUp: 'deadline',
    });
    await caught(again.run(failing(9).call, within(150)));
    expect(delays()).toEqual([100]);
    expect(again.stats?.()).toMatchObject({ deadlineTooNearTotal: 2 });
  });

  test('a call whose deadline has passed is not made', async () => {
    const { retry: again, clock } = fixture();
    const { call, told } = failing(0);
    clock.advance(10);
    const error = await caught(again.run(call, { deadlineMs: 10 }));
    expect(error).toMatchObject({ code: 'ERR_TIME_LIMIT', status: 504 });
    expect(told).toHaveLength(0);
  });

  test('a deadline without a signal is a time limit', async () => {
    const { retry: again, clock } = fixture();
    let signal: AbortSignal | undefined;
    const result = again.run((context) => new Promise(() => (signal = context.signal)), {
      deadlineMs: 499.84512999999424,
    });
    clock.advance(500);
    expect(await caught(result)).toMatchObject({
      code: 'ERR_TIME_LIMIT',
      message: 'The call took longer than the 500 ms that it may take.',
    });
    expect(signal?.aborted).toBe(true);
  });

  test('with a signal it is the caller who ends the call', async () => {
    const { retry: again, clock } = fixture();
    const { signal } = new AbortController();
    let told: CallContext | undefined;
    void again.run(
      (context) => {
        told = context;
        return new Promise(() => {});
      },
      { signal, deadlineMs: 500 },
    );
    expect(told).toEqual({ signal, deadlineMs: 500, attempt: 1 });
    expect(told?.signal).toBe(signal);
    expect(clock.pending).toBe(0);
  });

  test('an attempt that takes too long is aborted, and made again', async () => {
    const { retry: again, clock } = fixture({ attemptTimeoutMs: 1000 });
    const signals: AbortSignal[] = [];
    const result = again.run(({ signal }) => {
      signals.push(signal!);
      return signals.length === 1 ? new Promise<string>(() => {}) : Promise.resolve('quick');
    });
    clock.advance(1000);
    await expect(result).resolves.toBe('quick');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(signals[0]!.reason).toMatchObject({ code: 'ERR_TIME_LIMIT' });
    expect(clock.pending).toBe(0);
    expect(again.stats?.()).toMatchObject({ timedOutTotal: 1 });
  });

  test('all attempts together end in time, whatever is under way', async () => {
    const { retry: again, clock } = fixture({ totalTimeoutMs: 1000, onEvent: undefined });
    let signal: AbortSignal | undefined;
    const slow = caught(again.run((context) => new Promise(() => (signal = context.signal))));
    clock.advance(1000);
    expect(await slow).toMatchObject({ code: 'ERR_TIME_LIMIT' });
    expect(signal?.aborted).toBe(true);
    // A wait that would go past the limit is not begun.
    const { retry: short, clock: shortClock } = fixture({ totalTimeoutMs: 105 });
    const error = await caught(short.run(failing(9).call));
    expect(failedAttempts(error)).toMatchObject({ attempts: 1, gaveUp: 'deadline' });
    expect(shortClock.pending).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('the budget', () => {
  test('ends retries where too much is tried again already, and is shared by who is given it', async () => {
    const clock = fakeClock();
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 0, clock });
    const pass = (event: RetryEvent): void => {
      if (event.type === 'retry') setImmediate(() => clock.advance(event.delayMs));
    };
    const options = { budget, clock, jitter: 'none', baseDelayMs: 1, onEvent: pass } as const;
    const [one, other] = [retry(options), retry(options)];
    for (let call = 0; call < 4; call++) await one.run(failing(0).call);
    const error = await caught(one.run(failing(9).call));
    expect(failedAttempts(error)).toMatchObject({ attempts: 3, gaveUp: 'attempts' });
    // Six calls pay for three retries, of which two are made.
    expect(failedAttempts(await caught(other.run(failing(9).call)))).toMatchObject({
      attempts: 2,
      gaveUp: 'budget',
    });
    expect(other.stats?.()).toMatchObject({ budgetExhaustedTotal: 1, retriesTotal: 1 });
    // Seven calls pay for three, which are made.
    const named = retry({ ...options, name: 'another', budgetName: 'retry' });
    const { call, told } = failing(9);
    expect(failedAttempts(await caught(named.run(call)))).toMatchObject({ gaveUp: 'budget' });
    expect(told).toHaveLength(1);
    expect(budget.stats()).toEqual({ names: 1 });
  });

  test('with the defaults a service that is down gets a fifth more, and no threefold', async () => {
    const clock = fakeClock();
    const budget = retryBudget({ minPerSecond: 0, clock });
    const again = retry({ clock, budget, baseDelayMs: 0 });
    let asked = 0;
    const calls = Array.from({ length: 1000 }, () =>
      caught(
        again.run(() => {
          asked++;
          return Promise.reject(new Error('down'));
        }),
      ),
    );
    for (let turn = 0; turn < 5; turn++) {
      await new Promise(setImmediate);
      clock.advance(0);
    }
    await Promise.all(calls);
    expect(asked).toBe(1200);
  });
});

describe('retries of retries', () => {
  test('are not made: who is told an attempt leaves trying to whom it is told by', async () => {
    const { retry: outer } = fixture();
    const { retry: inner } = fixture();
    const { call, told } = failing(99);
    await caught(outer.run((context) => inner.run(call, context)));
    expect(told.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(inner.stats?.()).toMatchObject({ callsTotal: 3, retriesTotal: 0, nestedTotal: 3 });
  });

  test('are made where they are asked for', async () => {
    const { retry: outer } = fixture({ maxAttempts: 2 });
    const { retry: inner } = fixture({ maxAttempts: 2, retryRetries: true });
    const { call, told } = failing(99);
    await caught(outer.run((context) => inner.run(call, context)));
    expect(told).toHaveLength(4);
  });

  test('the headers tell the next service which attempt it is', () => {
    const { retry: again } = fixture();
    expect(again.headers({})).toEqual({});
    expect(again.headers({ attempt: 1 })).toEqual({});
    expect(again.headers({ attempt: 3 })).toEqual({ 'Retry-Attempt': '2' });
    expect(fixture({ attemptHeader: 'X-Try' }).retry.headers({ attempt: 2 })).toEqual({
      'X-Try': '1',
    });
    expect(fixture({ attemptHeader: false }).retry.headers({ attempt: 2 })).toEqual({});
  });
});

describe('composition', () => {
  const passing = (kind: CallPolicy['kind'], seen: string[]): CallPolicy => ({
    name: kind,
    kind,
    run: (call, context = {}) => {
      seen.push(`${kind} ${context.attempt}`);
      return call(context);
    },
  });

  test('compose is core’s, and a retry is a policy', async () => {
    expect(compose).toBe(coreCompose);
    const seen: string[] = [];
    const { retry: again } = fixture();
    const composed = compose(again, passing('circuit', seen), passing('timeout', seen));
    await expect(composed.run(failing(1).call)).resolves.toBe('after 2');
    expect(seen).toEqual(['circuit 1', 'timeout 1', 'circuit 2', 'timeout 2']);
    expect(composed.explain()).toContain(
      'retry "retry" around circuit "circuit": each attempt counts for the circuit; an open circuit ends the attempts',
    );
  });

  test('inner policies stand around each attempt, and its time limit within them', async () => {
    const seen: string[] = [];
    const outcomes: unknown[] = [];
    const circuit: CallPolicy = {
      ...passing('circuit', seen),
      async run(call, context = {}) {
        seen.push(`circuit ${context.attempt}`);
        try {
          return await call(context);
        } catch (error) {
          outcomes.push((error as ProblemError).code, context.signal?.aborted);
          throw error;
        }
      },
    };
    const { retry: again, clock } = fixture({ inner: [circuit], attemptTimeoutMs: 100 });
    let calls = 0;
    const result = again.run(() =>
      ++calls === 1 ? new Promise<string>(() => {}) : Promise.resolve('well'),
    );
    clock.advance(100);
    await expect(result).resolves.toBe('well');
    expect(seen).toEqual(['circuit 1', 'circuit 2']);
    // The circuit sees a failure, and no caller who has left.
    expect(outcomes).toEqual(['ERR_TIME_LIMIT', undefined]);
  });

  test('an open circuit ends the attempts', async () => {
    const { retry: again } = fixture();
    const open = (): Error =>
      new ProblemError({ code: 'ERR_CIRCUIT_OPEN', status: 503, detail: 'open' });
    const { call, told } = failing(9, open);
    await caught(again.run(call));
    expect(told).toHaveLength(1);
  });
});

describe('events', () => {
  test('tell of each attempt, each wait and the end, to the hook and the channel', async () => {
    const published: unknown[] = [];
    const listen = (event: unknown): void => void published.push(event);
    const events = channel(RETRY_CHANNEL);
    events.subscribe(listen);
    try {
      const { retry: again, events: heard } = fixture({ maxAttempts: 2, name: 'weather' });
      const error = await caught(again.run(failing(9).call));
      expect(heard).toEqual([
        expect.objectContaining({ type: 'attempt', name: 'weather', attempt: 1, durationMs: 0 }),
        expect.objectContaining({ type: 'retry', name: 'weather', attempt: 2, delayMs: 100 }),
        expect.objectContaining({ type: 'attempt', attempt: 2, error }),
        { type: 'gave-up', name: 'weather', attempts: 2, why: 'attempts', reason: error },
      ]);
      expect(published).toEqual(heard);
    } finally {
      events.unsubscribe(listen);
    }
  });

  test('a hook that throws changes nothing', async () => {
    const clock = fakeClock();
    const again = retry({
      clock,
      onEvent: () => {
        throw new Error('of the hook');
      },
    });
    const faults: unknown[] = [];
    const fault = channel('@org/fault');
    const listen = (message: unknown): void => void faults.push(message);
    fault.subscribe(listen);
    await expect(again.run(failing(0).call)).resolves.toBe('after 1');
    fault.unsubscribe(listen);
    expect(faults).toHaveLength(1);
  });
});
