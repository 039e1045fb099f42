/** Calls through a circuit: what counts, what is refused, and who answers instead. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners, getMaxListeners } from 'node:events';
import {
  type CallContext,
  type CallPolicy,
  compose,
  FAULT_CHANNEL,
  type HealthReport,
  isComponent,
} from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import {
  type Circuit,
  CIRCUIT_CHANNEL,
  CIRCUIT_DEFAULTS,
  circuit,
  type CircuitEvent,
  type CircuitOptions,
  type Strategy,
} from '@org/circuit';

const made: Circuit[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one.close();
});

/** A circuit that opens after three failures in a row, for exactly a second. */
function make(options: Partial<CircuitOptions> = {}): { circuit: Circuit; clock: FakeClock } {
  const clock = fakeClock();
  const one = circuit({
    strategies: ['consecutive'],
    consecutiveFailures: 3,
    openMs: 1000,
    openJitterRatio: 0,
    closeRatio: 0,
    clock,
    ...options,
  });
  made.push(one);
  return { circuit: one, clock };
}

const failure = new Error('upstream is down');
const fail = (): Promise<never> => Promise.reject(failure);
const succeed = (): Promise<string> => Promise.resolve('fine');

async function failTimes(
  one: Pick<Circuit, 'run'>,
  times: number,
  error: unknown = failure,
): Promise<void> {
  for (let at = 0; at < times; at++) {
    await one.run(() => Promise.reject(error as Error)).catch(() => undefined);
  }
}

const kindOf = (one: Circuit): string => one.breaker.state.kind;

describe('the strategies', () => {
  test('error rate over time: opens at the share, with enough calls, within the window', async () => {
    const { circuit: one, clock } = make({ strategies: ['error-rate'], minimumCalls: 4 });
    await failTimes(one, 3);
    expect(kindOf(one)).toBe('closed');
    clock.advance(10_000);
    for (const call of [succeed, succeed, fail])
      await one.run<unknown>(call).catch(() => undefined);
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 1);
    expect(kindOf(one)).toBe('open');
  });

  test('error rate over calls: time does not matter, and only a failure opens', async () => {
    const { circuit: one, clock } = make({
      strategies: ['error-rate'],
      window: 'count',
      windowCalls: 4,
      minimumCalls: 4,
      errorRatio: 0.75,
    });
    await one.run(succeed);
    await one.run(succeed);
    await failTimes(one, 2);
    clock.advance(1_000_000);
    await one.run(succeed);
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 1);
    expect(kindOf(one)).toBe('open');
    one.breaker.reset();
    await failTimes(one, 3);
    await one.run(succeed);
    expect(kindOf(one)).toBe('closed');
  });

  test('slow calls: a share of them opens though none has failed', async () => {
    const { circuit: one, clock } = make({
      strategies: ['slow-call-rate'],
      slowCallMs: 200,
      minimumCalls: 4,
    });
    const taking = (ms: number) => async (): Promise<void> => clock.advance(ms);
    for (const ms of [200, 199, 199]) await one.run(taking(ms));
    expect(kindOf(one)).toBe('closed');
    await one.run(taking(200));
    expect(kindOf(one)).toBe('open');
    expect(one.breaker.stats()).toMatchObject({ successTotal: 4, slowTotal: 2 });
    one.breaker.reset();
    for (const ms of [200, 200, 200, 0]) await one.run(taking(ms));
    expect(kindOf(one)).toBe('closed');
  });

  test('consecutive: a success begins the row anew', async () => {
    const { circuit: one } = make();
    await failTimes(one, 2);
    await one.run(succeed);
    await failTimes(one, 2);
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 1);
    expect(kindOf(one)).toBe('open');
  });

  test('several: any of them opens, and one of yours is made for each breaker', async () => {
    let strategies = 0;
    const never = (): Strategy => {
      strategies++;
      return { count: () => false, reset: () => undefined, describe: () => 'never' };
    };
    const { circuit: one } = make({ strategies: [never, 'consecutive'] });
    await failTimes(one, 3);
    expect(kindOf(one)).toBe('open');
    await failTimes(one.for('other'), 1);
    expect(strategies).toBe(2);
  });
});

test('a strategy of yours that throws is reported, and costs no call its result', async () => {
  const faults: unknown[] = [];
  const listen = (fault: unknown): void => void faults.push(fault);
  subscribe(FAULT_CHANNEL, listen);
  const broken = (): never => {
    throw new Error('broken');
  };
  const strategy = (): Strategy => ({ count: broken, reset: broken, describe: broken });
  const { circuit: one } = make({ strategies: [strategy] });
  await expect(one.run(succeed)).resolves.toBe('fine');
  one.breaker.reset();
  unsubscribe(FAULT_CHANNEL, listen);
  expect(faults).toHaveLength(2);
});

describe('what counts', () => {
  const COUNTED = {
    failure: { failureTotal: 3 },
    success: { successTotal: 3 },
    ignored: { ignoredTotal: 3, failureTotal: 0 },
  };
  test.each([
    ['an error without a status', new Error('ECONNREFUSED'), 'open', 'failure'],
    ['5xx', Object.assign(new Error(), { status: 502 }), 'open', 'failure'],
    [
      '5xx as axios has it',
      Object.assign(new Error(), { response: { status: 500 } }),
      'open',
      'failure',
    ],
    ['4xx', Object.assign(new Error(), { statusCode: 404 }), 'closed', 'success'],
    ['its caller giving up', new DOMException('gone', 'AbortError'), 'closed', 'ignored'],
    ['a client that has gone', Object.assign(new Error(), { status: 499 }), 'closed', 'ignored'],
    ['a time limit', new DOMException('late', 'TimeoutError'), 'open', 'failure'],
    [
      'another circuit',
      Object.assign(new Error(), { code: 'ERR_CIRCUIT_OPEN', status: 503 }),
      'closed',
      'ignored',
    ],
    [
      'a full bulkhead',
      Object.assign(new Error(), { code: 'ERR_BULKHEAD_FULL', status: 503 }),
      'closed',
      'ignored',
    ],
    ['nothing at all', undefined, 'open', 'failure'],
  ] as const)('%s', async (_name, error, kind, counted) => {
    const { circuit: one } = make();
    await failTimes(one, 3, error);
    expect(one.breaker.stats()).toMatchObject({ state: kind, ...COUNTED[counted] });
  });

  test('what the caller’s signal aborts is ignored, whatever the reason, but for its time limit', async () => {
    const { circuit: one } = make();
    const abortedWith = (reason: unknown) => ({ signal: AbortSignal.abort(reason) });
    for (let at = 0; at < 5; at++) {
      await one.run(fail, abortedWith(new Error('changed my mind'))).catch(() => undefined);
    }
    expect(one.breaker.stats()).toMatchObject({
      state: 'closed',
      ignoredTotal: 5,
      failureTotal: 0,
    });
    for (let at = 0; at < 3; at++) {
      await one
        .run(fail, abortedWith(new DOMException('late', 'TimeoutError')))
        .catch(() => undefined);
    }
    expect(kindOf(one)).toBe('open');
  });

  test('what was given up on after it was slow counts as slow', async () => {
    const { circuit: one, clock } = make({
      strategies: ['slow-call-rate'],
      slowCallMs: 100,
      minimumCalls: 2,
    });
    for (let at = 0; at < 2; at++) {
      await one
        .run(async () => {
          clock.advance(100);
          throw new DOMException('gone', 'AbortError');
        })
        .catch(() => undefined);
    }
    expect(kindOf(one)).toBe('open');
    expect(one.breaker.stats()).toMatchObject({ failureTotal: 0, ignoredTotal: 2, slowTotal: 2 });
  });

  test('answers of fetch by their status, and anything by functions of yours', async () => {
    const { circuit: one } = make();
    for (let at = 0; at < 3; at++) await one.run(async () => new Response('', { status: 404 }));
    // A city may have a status, too.
    for (let at = 0; at < 3; at++) await one.run(async () => ({ status: 503 }));
    expect(kindOf(one)).toBe('closed');
    for (let at = 0; at < 3; at++) await one.run(async () => new Response('', { status: 503 }));
    expect(kindOf(one)).toBe('open');

    const { circuit: own } = make({
      isFailure: (error) => (error as Error).message !== 'harmless',
      isFailureResult: (result) => result === 'bad',
    });
    await failTimes(own, 5, new Error('harmless'));
    expect(own.breaker.stats()).toMatchObject({ successTotal: 5 });
    for (let at = 0; at < 3; at++) await own.run(async () => 'bad');
    expect(kindOf(own)).toBe('open');

    const { circuit: strict } = make({ isFailureStatus: (status) => status === 429 });
    await failTimes(strict, 3, Object.assign(new Error(), { status: 429 }));
    expect(kindOf(strict)).toBe('open');
  });

  test('a function that judges and throws is reported, and settles the call all the same', async () => {
    const faults: string[] = [];
    const listen = (message: unknown): void =>
      void faults.push((message as { where: string }).where);
    subscribe(FAULT_CHANNEL, listen);
    const broken = (): never => {
      throw new Error('no judge');
    };
    const { circuit: one } = make({ isFailure: broken, isFailureResult: broken });
    await expect(one.run(succeed)).resolves.toBe('fine');
    await expect(one.run(fail)).rejects.toBe(failure);
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults).toEqual(['circuit isFailureResult', 'circuit isFailure']);
    expect(one.breaker.stats()).toMatchObject({ inflight: 0, successTotal: 1, failureTotal: 1 });
  });

  test('a call that throws at once is one that rejects', async () => {
    const { circuit: one } = make();
    const thrown = one.run(() => {
      throw failure;
    });
    await expect(thrown).rejects.toBe(failure);
    expect(one.breaker.stats()).toMatchObject({ failureTotal: 1, inflight: 0 });
  });
});

describe('open', () => {
  test('refuses with when to come back, and calls nothing', async () => {
    const { circuit: one, clock } = make({ openMs: 2500 });
    await failTimes(one, 3);
    const sinceAt = clock.now();
    expect(one.breaker.state).toEqual({ kind: 'open', sinceAt, untilAt: sinceAt + 2500 });
    const call = jest.fn(succeed);
    await expect(one.run(call)).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
      status: 503,
      expose: false,
      message: 'The circuit "circuit" is open: the call was not made.',
      headers: { 'Retry-After': '3' },
    });
    expect(call).not.toHaveBeenCalled();
    expect(one.breaker.stats()).toMatchObject({ refusedTotal: 1, openedTotal: 1 });
  });

  test('says when to come back also where somebody sets the clock meanwhile', async () => {
    const clock = fakeClock();
    let offMs = 0;
    const { circuit: one } = make({ clock: { ...clock, now: () => clock.now() + offMs } });
    await failTimes(one, 3);
    for (offMs of [-3_600_000, 3_600_000]) {
      await expect(one.run(succeed)).rejects.toMatchObject({ headers: { 'Retry-After': '1' } });
    }
    const { circuit: long } = make({ openMs: 30_000 });
    await failTimes(long, 3);
    await expect(long.run(succeed)).rejects.toMatchObject({ headers: { 'Retry-After': '30' } });
  });

  test('longer each time that it opens again, until it has closed', async () => {
    const { circuit: one, clock } = make({ openMs: 1000, openGrowth: 2, maxOpenMs: 3000 });
    const openMs = (): number => {
      const { state } = one.breaker;
      if (state.kind !== 'open') throw new Error(`is ${state.kind}`);
      return state.untilAt - state.sinceAt;
    };
    await failTimes(one, 3);
    const times = [openMs()];
    for (let at = 0; at < 3; at++) {
      clock.advance(openMs());
      await failTimes(one, 1);
      times.push(openMs());
    }
    expect(times).toEqual([1000, 2000, 3000, 3000]);
    clock.advance(3000);
    for (let at = 0; at < 3; at++) await one.run(succeed);
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 3);
    expect(openMs()).toBe(1000);
  });
});

describe('half-open', () => {
  test('lets only so many find out, and one failure opens it again', async () => {
    const { circuit: one, clock } = make({ halfOpenCalls: 2 });
    await failTimes(one, 3);
    clock.advance(1000);
    let end!: () => void;
    const held = one.run(() => new Promise<void>((resolve) => (end = resolve)));
    const second = one.run(() => Promise.resolve(clock.advance(1)));
    await expect(one.run(succeed)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    await second;
    expect(one.breaker.state).toMatchObject({
      kind: 'half-open',
      successes: 1,
      inflight: 1,
      admittedRatio: 0,
    });
    end();
    await held;
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 3);
    clock.advance(1000);
    await failTimes(one, 1);
    expect(kindOf(one)).toBe('open');
  });

  test('then lets through a share that grows with the health, and closes when it is good', async () => {
    const { circuit: one, clock } = make({
      strategies: ['error-rate'],
      closeRatio: 0.8,
      healthHalfLifeMs: 10_000,
    });
    await failTimes(one, 10);
    const fallen = one.breaker.healthRatio;
    expect(fallen).toBeCloseTo(1 / 11);
    clock.advance(1000);
    expect(one.breaker.healthRatio).toBeCloseTo(fallen);
    for (let at = 0; at < 3; at++) await one.run(succeed);
    const shares: number[] = [];
    while (kindOf(one) === 'half-open') {
      let admitted = 0;
      for (let at = 0; at < 20 && kindOf(one) === 'half-open'; at++) {
        await one.run(succeed).then(
          () => admitted++,
          () => undefined,
        );
      }
      shares.push(admitted);
      clock.advance(1000);
    }
    expect(kindOf(one)).toBe('closed');
    expect(shares[0]).toBeGreaterThan(3);
    expect(shares[0]).toBeLessThan(12);
    expect(shares.slice(0, -1)).toEqual(shares.slice(0, -1).toSorted((a, b) => a - b));
  });

  test('on the ramp one failure among many does not open it, but the strategy does', async () => {
    const { circuit: one, clock } = make({ closeRatio: 0.9 });
    await failTimes(one, 3);
    clock.advance(1000);
    for (let at = 0; at < 3; at++) await one.run(succeed);
    const admitted = async (): Promise<void> => {
      const call = jest.fn(fail);
      while (call.mock.calls.length === 0) await one.run(call).catch(() => undefined);
    };
    await admitted();
    expect(kindOf(one)).toBe('half-open');
    await admitted();
    await admitted();
    expect(kindOf(one)).toBe('open');
  });

  test('where few calls come, time closes it', async () => {
    const { circuit: one, clock } = make({ closeRatio: 0.9, healthHalfLifeMs: 1000 });
    await failTimes(one, 3);
    clock.advance(1000);
    for (let at = 0; at < 3; at++) await one.run(succeed);
    expect(kindOf(one)).toBe('half-open');
    clock.advance(60_000);
    expect(await one.run(async () => kindOf(one))).toBe('closed');
  });

  test('a call that never comes back does not keep it from recovering', async () => {
    const { circuit: one, clock } = make({ halfOpenCalls: 1 });
    await failTimes(one, 3);
    clock.advance(1000);
    void one.run(() => new Promise(() => undefined));
    await expect(one.run(succeed)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    clock.advance(1000);
    await one.run(succeed);
    expect(kindOf(one)).toBe('closed');
  });

  test('a call that was given up on makes place for another', async () => {
    const { circuit: one, clock } = make({ halfOpenCalls: 1 });
    await failTimes(one, 3);
    clock.advance(1000);
    await failTimes(one, 1, new DOMException('gone', 'AbortError'));
    await one.run(succeed);
    expect(kindOf(one)).toBe('closed');
  });

  test('a slow call opens it again, and is bad for the health', async () => {
    const { circuit: one, clock } = make({ slowCallMs: 100 });
    await failTimes(one, 3);
    clock.advance(1000);
    const before = one.breaker.healthRatio;
    await one.run(async () => clock.advance(100));
    expect(kindOf(one)).toBe('open');
    expect(one.breaker.healthRatio).toBeLessThan(before);
  });

  test('late answers move nothing: neither one from before it opened, nor one from the try before', async () => {
    const { circuit: one, clock } = make({ halfOpenCalls: 1 });
    const late: { succeed: () => void; fail: () => void }[] = [];
    const hold = (): Promise<unknown> =>
      one
        .run(
          () =>
            new Promise<void>((resolve, reject) => {
              late.push({ succeed: resolve, fail: () => reject(failure) });
            }),
        )
        .catch(() => undefined);
    const held = [hold(), hold()];
    await failTimes(one, 3);
    late[0]!.succeed();
    await held[0];
    expect(kindOf(one)).toBe('open');
    clock.advance(1000);
    late[1]!.fail();
    await held[1];
    expect(kindOf(one)).toBe('half-open');
    expect(one.breaker.stats()).toMatchObject({ lateTotal: 2, inflight: 0 });
  });
});

describe('by hand', () => {
  test('holds it open until it is closed', async () => {
    const { circuit: one, clock } = make();
    one.breaker.open();
    clock.advance(10_000_000);
    expect(one.breaker.state).toEqual({ kind: 'isolated', sinceAt: clock.now() - 10_000_000 });
    await expect(one.run(succeed)).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
      headers: { 'Retry-After': '60' },
    });
    one.breaker.close();
    await expect(one.run(succeed)).resolves.toBe('fine');
  });

  test('a reset forgets the health and the growth of open times', async () => {
    const { circuit: one } = make();
    await failTimes(one, 3);
    expect(one.breaker.healthRatio).toBeLessThan(0.5);
    one.breaker.reset();
    expect(one.breaker.state).toEqual({ kind: 'closed' });
    expect(one.breaker.healthRatio).toBe(1);
    await failTimes(one, 2);
    let end!: (error: Error) => void;
    const underWay = one.run(() => new Promise((_resolve, reject) => (end = reject)));
    one.breaker.reset();
    end(failure);
    await expect(underWay).rejects.toBe(failure);
    expect(one.breaker.stats()).toMatchObject({ state: 'closed', healthRatio: 1, lateTotal: 1 });
  });

  test('closing forgets what was counted, and keeps the health', async () => {
    const { circuit: one, clock } = make();
    await failTimes(one, 2);
    one.breaker.open();
    one.breaker.close();
    expect(one.breaker.healthRatio).toBeLessThan(0.5);
    await failTimes(one, 2);
    expect(kindOf(one)).toBe('closed');
    await failTimes(one, 1);
    one.breaker.close();
    clock.advance(100_000);
    expect(kindOf(one)).toBe('closed');
  });
});

describe('fallback', () => {
  test('answers for what failed and for what was refused, and learns why and in which state', async () => {
    const seen: unknown[] = [];
    const { circuit: one } = make({
      fallback: (error, state) => {
        seen.push([error === failure ? 'failure' : (error as { code: string }).code, state.kind]);
        return 'instead';
      },
    });
    for (let at = 0; at < 4; at++) await expect(one.run(fail)).resolves.toBe('instead');
    expect(seen).toEqual([
      ['failure', 'closed'],
      ['failure', 'closed'],
      ['failure', 'open'],
      ['ERR_CIRCUIT_OPEN', 'open'],
    ]);
    expect(one.breaker.stats()).toMatchObject({ fallbackTotal: 4 });
  });

  test('not for what the caller gave up on, nor for the caller’s mistakes', async () => {
    const { circuit: one } = make({ fallback: () => 'instead' });
    const gone = new DOMException('gone', 'AbortError');
    const mistake = Object.assign(new Error('no such city'), { status: 404 });
    await expect(one.run(() => Promise.reject(gone))).rejects.toBe(gone);
    await expect(one.run(() => Promise.reject(mistake))).rejects.toBe(mistake);
  });

  test('not for an answer that counts as a failure: that says for itself', async () => {
    const { circuit: one } = make({ fallback: () => 'instead' });
    const answer = { ok: false, status: 503 };
    await expect(one.run(() => Promise.resolve(answer))).resolves.toBe(answer);
    expect(one.breaker.stats()).toMatchObject({ failureTotal: 1, fallbackTotal: 0 });
  });

  test('what it throws goes to the caller', async () => {
    const worse = new Error('worse');
    const { circuit: one } = make({
      fallback: () => {
        throw worse;
      },
    });
    await expect(one.run(fail)).rejects.toBe(worse);
  });
});

describe('wrap', () => {
  test('gives the same function back: name, length, this, arguments, result', async () => {
    const { circuit: one } = make();
    const city = {
      name: 'Wellington',
      async greet(this: { name: string }, greeting: string, mark = '!'): Promise<string> {
        return `${greeting}, ${this.name}${mark}`;
      },
    };
    const wrapped = one.wrap(city.greet);
    expect([wrapped.name, wrapped.length]).toEqual(['greet', 1]);
    expect(await wrapped.call(city, 'Kia ora', '.')).toBe('Kia ora, Wellington.');
  });

  test('has a fallback of its own, which gets the arguments', async () => {
    const { circuit: one } = make({ fallback: () => 'the circuit’s' });
    const wrapped = one.wrap(
      async (id: number): Promise<string> => {
        throw new Error(`no ${id}`);
      },
      (_error, _state, id) => `stale ${id}`,
    );
    expect(await wrapped(7)).toBe('stale 7');
    expect(await one.wrap(fail)()).toBe('the circuit’s');
  });

  test('finds the caller’s signal among the arguments', async () => {
    const { circuit: one } = make();
    const wrapped = one.wrap(
      (_id: number, _options: { signal: AbortSignal } | AbortSignal): Promise<void> => fail(),
    );
    const signal = AbortSignal.abort(new Error('changed my mind'));
    for (const options of [signal, { signal }]) await wrapped(1, options).catch(() => undefined);
    expect(one.breaker.stats()).toMatchObject({ ignoredTotal: 2, failureTotal: 0 });
  });
});

describe('bulkhead', () => {
  interface Held {
    readonly done: Promise<unknown>;
    end(): void;
  }
  const hold = (one: Circuit, signal?: AbortSignal): Held => {
    let end: () => void = () => undefined;
    const done = one.run(() => new Promise<void>((resolve) => (end = resolve)), { signal });
    done.catch(() => undefined);
    return { done, end: () => end() };
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('so many at once, so many in line, in their order, and no more', async () => {
    const { circuit: one } = make({ maxConcurrent: 1, maxWaiting: 2 });
    const [first, second, third] = [hold(one), hold(one), hold(one)];
    await turn();
    await expect(one.run(succeed)).rejects.toMatchObject({
      code: 'ERR_BULKHEAD_FULL',
      status: 503,
      headers: { 'Retry-After': '1' },
    });
    expect(one.breaker.stats()).toMatchObject({ inflight: 1, waiting: 2, fullTotal: 1 });
    for (const held of [first, second, third]) {
      held.end();
      await held.done;
      await turn();
    }
    await expect(one.run(succeed)).resolves.toBe('fine');
    expect(one.breaker.stats()).toMatchObject({ inflight: 0, waiting: 0, successTotal: 4 });
  });

  test('a place that is handed on is not free for somebody else', async () => {
    const { circuit: one } = make({ maxConcurrent: 1, maxWaiting: 1 });
    const [first, second] = [hold(one), hold(one)];
    first.end();
    await first.done;
    await turn();
    const third = hold(one);
    expect(one.breaker.stats()).toMatchObject({ inflight: 1, waiting: 1 });
    second.end();
    await second.done;
    await turn();
    third.end();
    await third.done;
  });

  test('many calls of one caller may wait, and Node takes none of them for a leak', async () => {
    const { circuit: one } = make({ maxConcurrent: 1, maxWaiting: 20 });
    const { signal } = new AbortController();
    const held = Array.from({ length: 12 }, () => hold(one, signal));
    const listening = getEventListeners(signal, 'abort').length;
    expect(listening).toBe(11);
    expect(getMaxListeners(signal)).toBeGreaterThanOrEqual(listening);
    for (const { done, end } of held) {
      end();
      await done;
      await turn();
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('whoever gives up leaves the line', async () => {
    const { circuit: one } = make({
      maxConcurrent: 1,
      maxWaiting: 1,
      fallback: () => 'never',
    });
    const first = hold(one);
    const leaving = new AbortController();
    const second = hold(one, leaving.signal);
    await turn();
    leaving.abort(new Error('changed my mind'));
    await expect(second.done).rejects.toThrow('changed my mind');
    expect(one.breaker.stats()).toMatchObject({ waiting: 0 });
    await expect(hold(one, leaving.signal).done).rejects.toThrow('changed my mind');
    first.end();
    await first.done;
    await expect(one.run(succeed)).resolves.toBe('fine');
  });

  test('when it opens nobody waits any longer, and nobody takes a place', async () => {
    const { circuit: one } = make({ maxConcurrent: 1, maxWaiting: 5 });
    const first = hold(one);
    const waiting = [hold(one), hold(one)];
    await turn();
    one.breaker.open();
    for (const { done } of waiting) {
      await expect(done).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    }
    await expect(one.run(succeed)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    expect(one.breaker.stats()).toMatchObject({ refusedTotal: 3, waiting: 0 });
    first.end();
    await first.done;
    one.breaker.close();
    await expect(one.run(succeed)).resolves.toBe('fine');
  });

  test('a place that a half-open circuit has no use for is given back', async () => {
    const { circuit: one, clock } = make({ maxConcurrent: 2, halfOpenCalls: 1 });
    await failTimes(one, 3);
    clock.advance(1000);
    const probe = hold(one);
    for (let at = 0; at < 3; at++) {
      await expect(one.run(succeed)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    }
    probe.end();
    await probe.done;
    expect(kindOf(one)).toBe('closed');
  });
});

describe('breakers by name', () => {
  test('share nothing, and are found again', async () => {
    const { circuit: one } = make();
    await failTimes(one.for('a'), 3);
    expect(one.for('a').state.kind).toBe('open');
    expect(one.for('b').state.kind).toBe('closed');
    expect(one.for('a').name).toBe('a');
    await expect(one.run(succeed)).resolves.toBe('fine');
  });

  test('are bounded: idle closed ones go first, those in use stay', async () => {
    const { circuit: one } = make({ maxBreakers: 3 });
    await failTimes(one.for('open'), 3);
    let end!: () => void;
    const busy = one.for('busy').run(() => new Promise<void>((resolve) => (end = resolve)));
    for (let at = 0; at < 50; at++) await one.for(`tenant ${at}`).run(succeed);
    expect(one.stats()).toMatchObject({ count: 4, open: 1, evictedTotal: 49, successTotal: 50 });
    expect(one.for('open').state.kind).toBe('open');
    end();
    await busy;
    expect(one.for('busy').stats()).toMatchObject({ successTotal: 1 });
  });

  test('of those that are idle, those go first that were used once', async () => {
    const { circuit: one } = make({ maxBreakers: 3 });
    for (let at = 0; at < 50; at++) {
      await one.for('steady').run(succeed);
      await one.for(`passer-by ${at}`).run(succeed);
    }
    expect(one.for('steady').stats()).toMatchObject({ successTotal: 50 });
  });

  test('are bounded also where all are open, and what goes leaves no timer', async () => {
    const { circuit: one, clock } = make({ maxBreakers: 2 });
    for (let at = 0; at < 10; at++) await failTimes(one.for(`host ${at}`), 3);
    expect(one.stats()).toMatchObject({ count: 3, open: 2, openedTotal: 10, evictedTotal: 8 });
    expect(clock.pending).toBe(2);
  });

  test('a breaker that was let go begins anew', async () => {
    const { circuit: one } = make({ maxBreakers: 1 });
    const a = one.for('a');
    await failTimes(a, 3);
    await one.for('b').run(succeed);
    expect(a.state.kind).toBe('closed');
  });
});

describe('as a component', () => {
  test('shows the worst where there are many', async () => {
    const { circuit: one } = make();
    for (let at = 0; at < 60; at++) await one.for(`host-${at}`).run(succeed);
    await failTimes(one.for('host-59'), 3);
    const { breakers } = one.stats() as { breakers: Record<string, object> };
    expect(Object.keys(breakers)).toHaveLength(50);
    expect(breakers).toMatchObject({ 'host-59': { state: 'open' } });
  });

  test('is one, and a policy', () => {
    const { circuit: one } = make({ name: 'weather' });
    expect(isComponent(one)).toBe(true);
    expect([one.name, one.kind, one.inbound.name]).toEqual([
      'weather',
      'circuit',
      'weather:inbound',
    ]);
    expect(compose(one, one.for('a')).explain()).toContain('circuit "weather"');
  });

  test('passes the context on, and each attempt of what stands around it counts', async () => {
    const { circuit: one } = make();
    const { signal } = new AbortController();
    const contexts: unknown[] = [];
    const twice = {
      name: 'twice',
      kind: 'retry' as const,
      run: async <T>(call: (context: object) => Promise<T>, context: object = {}): Promise<T> => {
        await call({ ...context, attempt: 1 }).catch(() => undefined);
        return call({ ...context, attempt: 2 });
      },
    };
    await compose(twice, one)
      .run(
        (context) => {
          contexts.push(context);
          return fail();
        },
        { signal },
      )
      .catch(() => undefined);
    expect(contexts).toEqual([
      { signal, attempt: 1 },
      { signal, attempt: 2 },
    ]);
    expect(one.breaker.stats()).toMatchObject({ failureTotal: 2 });
  });

  test.each([
    ['a reason of its own', new Error('took too long'), { ignoredTotal: 2, slowTotal: 0 }],
    ['a TimeoutError', new DOMException('late', 'TimeoutError'), { failureTotal: 2 }],
  ])(
    'a time limit around it that aborts with %s counts as explain() says',
    async (_what, reason, counted) => {
      const { circuit: one } = make();
      const limit: CallPolicy = {
        name: 'limit',
        kind: 'timeout',
        run: (call, context) => call({ ...context, signal: AbortSignal.abort(reason) }),
      };
      const limited = compose(limit, one);
      const call = ({ signal }: CallContext): Promise<never> => Promise.reject(signal!.reason);
      for (let at = 0; at < 2; at++) await expect(limited.run(call)).rejects.toBe(reason);
      expect(one.breaker.stats()).toMatchObject({ successTotal: 0, failureTotal: 0, ...counted });
      expect(limited.explain()).toContain(
        'at most as slow, and as a failure only where the signal aborts with a TimeoutError',
      );
    },
  );

  test('tells each change of state, to the hook and on the channel', async () => {
    const told: CircuitEvent[] = [];
    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    subscribe(CIRCUIT_CHANNEL, listen);
    const { circuit: one, clock } = make({
      halfOpenCalls: 1,
      onEvent: (event) => told.push(event),
    });
    await failTimes(one, 3);
    clock.advance(1000);
    await failTimes(one, 1);
    clock.advance(2000);
    await one.run(succeed);
    one.breaker.open();
    one.breaker.open();
    one.breaker.close();
    one.breaker.close();
    unsubscribe(CIRCUIT_CHANNEL, listen);
    expect(heard).toEqual(told);
    expect(told.map(({ type, from, reason, detail }) => [type, from, reason, detail])).toEqual([
      ['opened', 'closed', 'tripped', '3 failures in a row'],
      ['half-opened', 'open', 'elapsed', ''],
      ['opened', 'half-open', 'probe', '1 failures in a row'],
      ['half-opened', 'open', 'elapsed', ''],
      ['closed', 'half-open', 'recovered', ''],
      ['isolated', 'closed', 'manual', ''],
      ['closed', 'isolated', 'manual', ''],
    ]);
    expect(told[0]).toMatchObject({
      circuit: 'circuit',
      breaker: 'circuit',
      state: { kind: 'open' },
    });
  });

  test('is well while all is closed, and names what is not', async () => {
    const { circuit: one } = make();
    const health = (): HealthReport => one.health();
    expect(health()).toEqual({ status: 'pass' });
    await failTimes(one.for('api.example.com'), 3);
    expect(health()).toEqual({ status: 'warn', detail: 'circuit "api.example.com" is open' });
    for (let at = 0; at < 6; at++) one.for(`host ${at}`).open();
    expect(health().detail).toMatch(/, and 2 more$/);
  });

  test('shows its numbers, of all breakers and of each, the worst of many', async () => {
    const { circuit: one } = make();
    await one.run(succeed);
    await failTimes(one.for('a'), 1);
    expect(one.stats()).toMatchObject({
      count: 2,
      closed: 2,
      healthRatio: 0.5,
      successTotal: 1,
      failureTotal: 1,
      breakers: {
        circuit: { state: 'closed', healthRatio: 1, successTotal: 1 },
        a: { state: 'closed', healthRatio: 0.5, failureTotal: 1 },
      },
    });
    for (let at = 0; at < 100; at++) await one.for(`host ${at}`).run(succeed);
    const { breakers } = one.stats() as { breakers: object };
    expect(Object.keys(breakers)).toHaveLength(50);
    expect(breakers).toHaveProperty('a');
  });

  test('after its end calls go through, and no timer is left', async () => {
    const { circuit: one, clock } = make();
    await failTimes(one, 3);
    await failTimes(one.for('a'), 3);
    let end!: (error: Error) => void;
    const underWay = one.for('b').run(() => new Promise((_resolve, reject) => (end = reject)));
    await one.close();
    await one.close();
    expect(clock.pending).toBe(0);
    end(failure);
    await expect(underWay).rejects.toBe(failure);
    expect(one.for('b').stats()).toMatchObject({ failureTotal: 0, lateTotal: 1 });
    await failTimes(one, 10);
    await failTimes(one.for('late'), 10);
    one.breaker.open();
    await expect(one.run(succeed)).resolves.toBe('fine');
    await expect(one.for('late').run(succeed)).resolves.toBe('fine');
    expect(clock.pending).toBe(0);
  });
});

test('closed, a call reads the clock once, and twice where calls may be slow', async () => {
  for (const [slowCallMs, times] of [
    [undefined, 1],
    [100, 2],
  ] as const) {
    const clock = fakeClock();
    const monotonicMs = jest.spyOn(clock, 'monotonicMs');
    const { circuit: one } = make({ strategies: ['error-rate'], clock, slowCallMs });
    monotonicMs.mockClear();
    await one.run(succeed);
    expect(monotonicMs).toHaveBeenCalledTimes(times);
  }
});

describe('options', () => {
  test('nothing, an empty object and undefined are the same', () => {
    expect(Object.isFrozen(CIRCUIT_DEFAULTS)).toBe(true);
    for (const options of [undefined, {}, { openMs: undefined }]) {
      const one = circuit(options);
      made.push(one);
      expect(kindOf(one)).toBe('closed');
    }
  });

  test.each([
    [{ openMS: 1 }, 'option "openMS" is unknown; did you mean "openMs"?'],
    [{ errorRatio: 0 }, 'option "errorRatio" must be a ratio, above 0 and at most 1, but is 0.'],
    [{ openGrowth: 0.5 }, 'option "openGrowth" must be a number, at least 1, but is 0.5.'],
    [{ strategies: [] }, 'option "strategies" must be'],
    [{ strategies: ['slow-call-rate'] }, 'option "slowCallMs" is missing'],
    [{ window: 'count', windowCalls: 5 }, 'option "minimumCalls" must be at most "windowCalls", 5'],
    [{ openMs: 70_000 }, 'option "openMs" must be at most "maxOpenMs", 60000, but is 70000.'],
    [{ name: 'my circuit' }, 'option "name" must be a name'],
    [{ store: {} }, 'option "store" must be a store'],
    [{ routes: { '/a': { openMs: 'long' } } }, 'circuit: route "/a": option "openMs" must be'],
    [{ routes: { '/a': { fallback: 1 } } }, 'circuit: route "/a": option "fallback" is unknown'],
    [{ routes: { '/:': {} } }, 'route "/:" is no path pattern of Express'],
  ])('%j is refused', (options, message) => {
    expect(() => circuit(options as never)).toThrow(message);
  });
});
