import { fakeClock } from '@org/core/testing';
import { retryBudget } from '@org/retry';
import { array, check, constant, integer, oneof, property, record } from 'fast-check';

const takeAll = (account: { take(): boolean }): number => {
  let taken = 0;
  while (account.take()) taken++;
  return taken;
};

describe('the retry budget', () => {
  test('allows a share of the calls, and a few a second for those who call rarely', () => {
    const clock = fakeClock();
    const budget = retryBudget({ ratio: 0.2, minPerSecond: 1, windowMs: 10_000, clock });
    expect(takeAll(budget.account('quiet'))).toBe(10);
    const busy = budget.account('busy');
    for (let call = 0; call < 100; call++) busy.noteCall();
    expect(takeAll(busy)).toBe(30);
  });

  test('counts by name: what one spends another keeps', () => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 0.1, clock: fakeClock() });
    expect(takeAll(budget.account('a'))).toBe(1);
    expect(takeAll(budget.account('a'))).toBe(0);
    expect(takeAll(budget.account('b'))).toBe(1);
  });

  test('calls and retries fall out of the window', () => {
    const clock = fakeClock();
    const account = retryBudget({ ratio: 1, minPerSecond: 0, windowMs: 1000, clock }).account('x');
    for (let call = 0; call < 8; call++) account.noteCall();
    clock.advance(850);
    account.noteCall();
    expect(account.take()).toBe(true);
    clock.advance(250);
    // The first calls have left; the retry that they paid for has not.
    expect(account.take()).toBe(false);
    clock.advance(10_000);
    expect(account.take()).toBe(false);
    account.noteCall();
    expect(account.take()).toBe(true);
  });

  test('nothing is left of a window that has passed', () => {
    const clock = fakeClock();
    const account = retryBudget({ ratio: 1, minPerSecond: 0, windowMs: 1000, clock }).account('x');
    for (let slot = 0; slot < 10; slot++) {
      for (let call = 0; call < 8; call++) account.noteCall();
      clock.advance(100);
    }
    clock.advance(12_345);
    expect(account.take()).toBe(false);
  });

  test('never allows more than its share of the last window, a tenth and seven calls', () => {
    const step = record({
      advanceMs: integer({ min: 0, max: 400 }),
      act: oneof(constant('call'), constant('take')),
    });
    const { counterexample } = check(
      property(array(step, { maxLength: 200 }), (steps) => {
        const clock = fakeClock();
        const account = retryBudget({
          ratio: 0.5,
          minPerSecond: 2,
          windowMs: 1000,
          clock,
        }).account('x');
        const calls: number[] = [];
        const retries: number[] = [];
        const since = (times: number[], ms: number): number =>
          times.filter((at) => at > clock.monotonicMs() - ms).length;
        for (const { advanceMs, act } of steps) {
          clock.advance(advanceMs);
          const now = clock.monotonicMs();
          if (act === 'call') {
            account.noteCall();
            calls.push(now);
          } else if (account.take()) {
            retries.push(now);
            if (since(retries, 900) > 2 + 0.5 * (since(calls, 1000) + 7)) return false;
          }
        }
        return true;
      }),
    );
    expect(counterexample).toBeNull();
  });

  test('has a bounded number of names; the oldest begins anew', () => {
    const budget = retryBudget({ ratio: 0, minPerSecond: 0.1, maxNames: 2, clock: fakeClock() });
    expect(takeAll(budget.account('a'))).toBe(1);
    budget.account('b');
    budget.account('c');
    expect(budget.stats()).toEqual({ names: 2 });
    expect(takeAll(budget.account('a'))).toBe(1);
    for (let name = 0; name < 10_000; name++) budget.account(`${name}`);
    expect(budget.stats()).toEqual({ names: 2 });
  });

  test.each([[{ ratio: -1 }], [{ windowMs: 1 }], [{ maxNames: 0 }], [{ rate: 1 }]])(
    'refuses %j',
    (options) => {
      expect(() => retryBudget(options as object)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    },
  );
});
