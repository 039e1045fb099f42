import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fakeClock } from '@org/core/testing';
import { compose, timeLimit } from '@org/retry';

import { flakyServer } from './flaky-server.ts';

const forever = (): Promise<never> => new Promise(() => {});

describe('a time limit', () => {
  test('aborts the signal that the call was given, and tells the caller at once', async () => {
    const clock = fakeClock();
    const limit = timeLimit(500, { clock });
    let signal: AbortSignal | undefined;
    const result = limit.run((context) => {
      signal = context.signal;
      return forever();
    });
    clock.advance(499);
    expect(signal?.aborted).toBe(false);
    clock.advance(1);
    await expect(result).rejects.toMatchObject({ code: 'ERR_TIME_LIMIT', status: 504 });
    expect(signal?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
    expect(limit.stats?.()).toEqual({ callsTotal: 1, timedOutTotal: 1 });
  });

  test('tells the call until when it must be done: the nearer of the two deadlines', async () => {
    const clock = fakeClock();
    clock.advance(100);
    const limit = timeLimit(500, { clock });
    const deadlineOf = (deadlineMs?: number) =>
      limit.run((context) => Promise.resolve(context.deadlineMs), { deadlineMs });
    await expect(deadlineOf()).resolves.toBe(600);
    await expect(deadlineOf(550)).resolves.toBe(550);
    await expect(deadlineOf(700)).resolves.toBe(600);
  });

  test('ends with the caller, for the caller’s reason, and calls nothing for one who has gone', async () => {
    const clock = fakeClock();
    const limit = timeLimit(500, { clock });
    const caller = new AbortController();
    const result = limit.run(forever, { signal: caller.signal });
    caller.abort(new Error('gone'));
    await expect(result).rejects.toThrow('gone');
    const call = jest.fn(forever);
    await expect(limit.run(call, { signal: caller.signal })).rejects.toThrow('gone');
    expect(call).not.toHaveBeenCalled();
    expect(clock.pending).toBe(0);
    expect(limit.stats?.()).toMatchObject({ timedOutTotal: 0 });
  });

  test('leaves neither timers nor listeners behind', async () => {
    const clock = fakeClock();
    const limit = timeLimit(500, { clock });
    const { signal } = new AbortController();
    for (let call = 0; call < 10_000; call++) {
      await limit.run(() => Promise.resolve(), { signal });
      await limit.run(() => Promise.reject(new Error('x')), { signal }).catch(() => {});
      await limit
        .run(
          () => {
            throw new Error('at once');
          },
          { signal },
        )
        .catch(() => {});
    }
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('holds for the body of an answer, as AbortSignal.timeout does', async () => {
    const clock = fakeClock();
    const { url, seen, close } = await flakyServer('stall');
    const { signal: callers } = new AbortController();
    const limit = timeLimit(500, { clock });
    const answer = await limit.run(({ signal = null }) => fetch(url, { signal }), {
      signal: callers,
    });
    const body = answer.text();
    clock.advance(500);
    await expect(body).rejects.toMatchObject({ code: 'ERR_TIME_LIMIT' });
    await seen[0]!.closed;
    // The call itself was in time.
    expect(limit.stats?.()).toMatchObject({ timedOutTotal: 0 });
    expect(clock.pending).toBe(0);
    expect(getEventListeners(callers, 'abort')).toHaveLength(0);
    await close();
  });

  test('the caller’s signal holds for the body as well', async () => {
    const clock = fakeClock();
    const { url, seen, close } = await flakyServer('stall');
    const caller = new AbortController();
    const answer = await timeLimit(500, { clock }).run(
      ({ signal = null }) => fetch(url, { signal }),
      {
        signal: caller.signal,
      },
    );
    const body = answer.text();
    caller.abort(new Error('gone'));
    await expect(body).rejects.toThrow('gone');
    await seen[0]!.closed;
    expect(clock.pending).toBe(0);
    await close();
  });

  test('lets go of both with an answer that is forgotten', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const clock = fakeClock();
    const limit = timeLimit(500, { clock });
    const { signal } = new AbortController();
    await limit.run(() => Promise.resolve(new Response('body')), { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (let turn = 0; turn < 100 && clock.pending > 0; turn++) {
      await new Promise((resolve) => void setTimeout(resolve, 1));
      collect();
    }
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('gives back the body of an answer that comes too late', async () => {
    const clock = fakeClock();
    let answer: (response: Response) => void = () => {};
    const result = timeLimit(500, { clock }).run(
      () => new Promise<Response>((resolve) => (answer = resolve)),
    );
    clock.advance(500);
    await expect(result).rejects.toMatchObject({ code: 'ERR_TIME_LIMIT' });
    const late = new Response('late');
    answer(late);
    await new Promise(setImmediate);
    expect(late.bodyUsed).toBe(true);
  });

  test('is a policy', async () => {
    const composed = compose(timeLimit(500), timeLimit(100, { name: 'inner' }));
    await expect(composed.run(() => Promise.resolve(1))).resolves.toBe(1);
    expect(composed.explain()).toContain('timeout "time-limit" around timeout "inner"');
  });

  test.each([[0], [-1], [2 ** 31], [Number.NaN]])('refuses %d ms', (limitMs) => {
    expect(() => timeLimit(limitMs)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });
});
