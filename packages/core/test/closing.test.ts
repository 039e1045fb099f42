import { closeInOrder, closingProgress, defineComponent, dependencyOrder } from '@org/core';
import { fakeClock } from '@org/core/testing';

const part = (name: string, requires: readonly string[] = []) =>
  Object.assign(defineComponent(name, {}), { requires });

describe('the dependency order', () => {
  test('puts what is needed first, and leaves the rest as given', () => {
    const parts = [part('web', ['db', 'cache']), part('cache', ['db']), part('log'), part('db')];
    expect(dependencyOrder(parts).map(({ name }) => name)).toEqual(['db', 'cache', 'web', 'log']);
  });

  test('tells of a circle, and breaks it where it closes', () => {
    const circles: (readonly string[])[] = [];
    const parts = [part('a', ['b']), part('b', ['c']), part('c', ['a'])];
    const ordered = dependencyOrder(parts, (names) => circles.push(names));
    expect(circles).toEqual([['a', 'b', 'c', 'a']]);
    expect(ordered.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
  });
});

describe('closing in order', () => {
  test('waits for none longer than its time, and for none because of another', async () => {
    const clock = fakeClock();
    const progress = closingProgress();
    const signals: boolean[] = [];
    const closings = [
      { name: 'quick', close: () => undefined },
      {
        name: 'hangs',
        close: (signal: AbortSignal) => {
          signal.addEventListener('abort', () => signals.push(true));
          queueMicrotask(() => clock.advance(100));
          return new Promise(() => undefined);
        },
      },
      { name: 'fails', close: () => Promise.reject(new Error('broken')) },
      { name: 'has none' },
    ];
    await closeInOrder(closings, 100, clock, progress);
    expect(progress).toMatchObject({
      waiting: [],
      closed: ['quick', 'has none'],
      hung: ['hangs'],
      failed: [{ name: 'fails', error: { message: 'broken' } }],
    });
    expect([signals, clock.pending]).toEqual([[true], 0]);
  });
});
