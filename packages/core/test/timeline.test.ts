import type { Request, Response } from 'express';

import { Exchange, Timeline } from '@org/core';
import { fakeClock } from '@org/core/testing';

const exchangeAt = (startMs: number, endMs: number): Exchange => {
  const clock = fakeClock();
  clock.advance(startMs);
  const exchange = new Exchange({} as Request, {} as Response, clock);
  exchange.endMs = endMs;
  return exchange;
};

describe('a timeline', () => {
  test('tells the self time of each middleware, of the handler and of the way out', () => {
    const exchange = exchangeAt(100, 190);
    const timeline = new Timeline(['a', 'queue', 'b'], 101);
    timeline.leave(0, 103);
    timeline.leave(1, 143);
    timeline.leave(2, 144);
    timeline.routedMs = 144;
    timeline.answeredMs = 180;
    const start = exchange.startMs - 100;
    expect(
      timeline.spans(exchange).map(({ name, startMs, selfMs }) => [name, startMs - start, selfMs]),
    ).toEqual([
      ['a', 1, 2],
      ['queue', 3, 40],
      ['b', 43, 1],
      ['handler', 44, 36],
      ['flush', 80, 10],
    ]);
  });

  test('leaves out whom the request did not reach, or passed by', () => {
    const exchange = exchangeAt(0, 9);
    const timeline = new Timeline(['a', 'elsewhere', 'cache', 'queue'], 0);
    timeline.leave(0, 1);
    timeline.leave(2, 4);
    timeline.answeredMs = 4;
    expect(timeline.spans(exchange)).toEqual([
      { name: 'a', startMs: 0, selfMs: 1 },
      { name: 'cache', startMs: 1, selfMs: 3 },
      { name: 'flush', startMs: 4, selfMs: 5 },
    ]);
  });

  test('an answer that was cut off ends with the exchange, and has no way out', () => {
    const exchange = exchangeAt(0, 30);
    const timeline = new Timeline([], 0);
    timeline.routedMs = 10;
    expect(timeline.handlerMs(exchange)).toBe(20);
    expect(timeline.spans(exchange)).toEqual([{ name: 'handler', startMs: 10, selfMs: 20 }]);
  });

  test('a middleware that goes on twice is done at the first time', () => {
    const timeline = new Timeline(['a'], 0);
    timeline.leave(0, 2);
    timeline.leave(0, 50);
    const seen: number[] = [];
    timeline.each((_index, selfMs) => void seen.push(selfMs));
    expect(seen).toEqual([2]);
  });
});
