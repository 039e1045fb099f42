/** Time limits and the breaker, on a clock that stands until it is moved. */
import { setImmediate as turn } from 'node:timers/promises';

import { fakeClock, type FakeClock } from '@org/core/testing';

import { Breaker } from '../src/breaker.ts';
import { retryDelayMs } from '../src/client.ts';
import { Deadlines, type Limited } from '../src/deadlines.ts';
import { reasonOf } from '../src/reason.ts';

describe('deadlines', () => {
  let clock: FakeClock;
  let deadlines: Deadlines;
  let expired: string[];
  beforeEach(() => {
    clock = fakeClock();
    deadlines = new Deadlines(clock);
    expired = [];
  });
  const limited = (name: string): Limited => ({
    dueMs: 0,
    previous: undefined,
    next: undefined,
    expire: () => void expired.push(name),
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };

  test('run out in order, each limit by itself', async () => {
    deadlines.add(limited('long'), 100);
    deadlines.add(limited('short'), 10);
    await pass(5);
    deadlines.add(limited('short, later'), 10);
    await pass(5);
    expect(expired).toEqual(['short']);
    await pass(5);
    expect(expired).toEqual(['short', 'short, later']);
    await pass(85);
    expect(expired).toEqual(['short', 'short, later', 'long']);
    expect(clock.pending).toBe(0);
  });

  test('have one timer for as many calls as share a limit', () => {
    for (let at = 0; at < 1000; at++) deadlines.add(limited(String(at)), 100);
    expect(clock.pending).toBe(1);
  });

  test('that are removed do not run out, wherever in the line they stood', async () => {
    const calls = ['first', 'middle', 'last', 'stays'].map((name) => limited(name));
    for (const call of calls) deadlines.add(call, 100);
    for (const at of [1, 0, 2]) deadlines.remove(calls[at]!, 100);
    deadlines.remove(calls[0]!, 100);
    await pass(100);
    expect(expired).toEqual(['stays']);
    deadlines.remove(calls[3]!, 100);
    deadlines.add(limited('next'), 100);
    await pass(100);
    expect(expired).toEqual(['stays', 'next']);
    expect(clock.pending).toBe(0);
  });

  test('let what has come be read first when the process was busy', async () => {
    const call = limited('answered meanwhile');
    deadlines.add(call, 100);
    clock.advance(5000);
    deadlines.remove(call, 100);
    await turn();
    expect(expired).toEqual([]);
  });

  test('that are drained have no timer left', () => {
    const calls = [limited('one'), limited('two')];
    deadlines.add(calls[0]!, 100);
    deadlines.add(calls[1]!, 200);
    expect(deadlines.drain()).toEqual(calls);
    expect(clock.pending).toBe(0);
  });
});

describe('the breaker', () => {
  const made = () => {
    const clock = fakeClock();
    const told: string[] = [];
    const probes: { resolve(): void; reject(): void }[] = [];
    const breaker = new Breaker({
      failures: 3,
      openMs: 500,
      clock,
      probe: () =>
        new Promise<void>((resolve, reject) => {
          probes.push({ resolve, reject: () => reject(new Error('still away')) });
        }),
      onOpen: () => void told.push('open'),
      onClose: () => void told.push('closed'),
    });
    const fail = (times: number): void => {
      for (let at = 0; at < times; at++) breaker.failed(new Error('away'));
    };
    return { clock, told, probes, breaker, fail };
  };

  test('opens after failures in a row, which a success interrupts', () => {
    const { breaker, fail, told } = made();
    fail(2);
    breaker.succeeded();
    fail(2);
    expect(breaker.refuses).toBe(false);
    fail(1);
    expect([breaker.refuses, breaker.state, told]).toEqual([true, 'open', ['open']]);
  });

  test('asks with one probe at a time until one is answered, and tells of the outage once', async () => {
    const { breaker, fail, told, clock, probes } = made();
    fail(3);
    clock.advance(499);
    expect(probes).toHaveLength(0);
    clock.advance(1);
    expect([breaker.state, breaker.refuses, probes.length]).toEqual(['half-open', true, 1]);
    clock.advance(10_000);
    fail(10);
    expect(probes).toHaveLength(1);
    probes[0]!.reject();
    await turn();
    expect(breaker.state).toBe('open');
    clock.advance(500);
    probes[1]!.resolve();
    await turn();
    expect([breaker.state, told, clock.pending]).toEqual(['closed', ['open', 'closed'], 0]);
  });

  test('that is closed by a new connection does not heed a probe of the old one', async () => {
    const { breaker, fail, clock, probes } = made();
    fail(3);
    clock.advance(500);
    breaker.close();
    probes[0]!.reject();
    await turn();
    expect([breaker.state, clock.pending]).toEqual(['closed', 0]);
  });
});

test('a breaker that is disposed of has no timer, and does not open again', async () => {
  const clock = fakeClock();
  const breaker = new Breaker({
    failures: 1,
    openMs: 500,
    clock,
    probe: () => Promise.reject(new Error('away')),
    onOpen: () => undefined,
    onClose: () => undefined,
  });
  breaker.failed(new Error('away'));
  clock.advance(500);
  breaker.dispose();
  await turn();
  expect(clock.pending).toBe(0);
  breaker.close();
  breaker.failed(new Error('away'));
  expect([breaker.state, clock.pending]).toEqual(['closed', 0]);
});

test('attempts to reconnect wait longer and longer, jittered, up to a second', () => {
  const waits = (random: number) => [1, 2, 3, 6, 100].map((at) => retryDelayMs(at, () => random));
  expect(waits(0)).toEqual([25, 50, 100, 500, 500]);
  expect(waits(0.999)).toEqual([50, 100, 200, 1000, 1000]);
});

test('a reason tells what Redis said, and not what it was told', () => {
  const error = Object.assign(
    new Error("ERR unknown command 'x', with args beginning with: 's3cret'"),
    { command: { name: 'auth', args: ['s3cret'] } },
  );
  const reason = reasonOf(error);
  expect(reason.message).toBe("ERR unknown command 'x'");
  expect(Object.keys(reason)).toEqual([]);
  expect(reasonOf(Object.assign(new Error(), { code: 'ECONNREFUSED' }))).toMatchObject({
    message: 'ECONNREFUSED',
    code: 'ECONNREFUSED',
  });
});
