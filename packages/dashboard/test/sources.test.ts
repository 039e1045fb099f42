import { defineComponent, FAULT_CHANNEL } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import * as fc from 'fast-check';

import { CheckStates } from '../src/check-states.ts';
import { History } from '../src/history.ts';
import { lastSeenAt } from '../src/events.ts';
import { Rates } from '../src/rates.ts';
import { Reading } from '../src/reading.ts';
import { StatsReader } from '../src/sources.ts';
import { standIn } from './stand-ins.ts';

describe('a reading', () => {
  const reading = new Reading({
    http: { rps: 12.5, latencyMs: { p95: 8 }, active: Number.NaN },
    refusedTotal: { full: 2, late: 3, odd: 'x' },
    at: '2026-01-01T00:00:00Z',
    on: true,
    list: [{ name: 'a' }, null, 'odd', { name: 'b' }],
    long: 'x'.repeat(500),
  });

  it('finds numbers, texts, times and lists by their path', () => {
    expect(reading.number('http.latencyMs.p95')).toBe(8);
    expect(reading.sum('refusedTotal')).toBe(5);
    expect(reading.sum('http.rps')).toBe(12.5);
    expect(reading.time('at')).toBe(Date.UTC(2026, 0, 1));
    expect(reading.flag('on')).toBe(true);
    expect(reading.list('list').map((one) => one.text('name'))).toEqual(['a', 'b']);
  });

  it('knows nothing of what is absent, inherited or of another kind', () => {
    expect(reading.number('http.active')).toBeUndefined();
    expect(reading.number('at')).toBeUndefined();
    expect(reading.number('http.rps.more')).toBeUndefined();
    expect(reading.text('constructor.name')).toBeUndefined();
    expect(reading.list('http')).toEqual([]);
    expect(reading.entries('list')).toEqual([]);
  });

  it('cuts long texts', () => {
    expect(reading.text('long')).toHaveLength(160);
  });

  it('lists leaves with their paths, never more than asked for, and ends in a circle', () => {
    const circle: Record<string, unknown> = { a: 1 };
    circle['self'] = circle;
    const leaves = new Reading(circle).leaves(100);
    expect(leaves[0]).toEqual(['a', 1]);
    expect(leaves.length).toBeLessThan(10);
    expect(reading.leaves(2)).toHaveLength(2);
  });

  it('never throws, whatever it looks into', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (value, path) => {
        const odd = new Reading(value);
        odd.number(path);
        odd.text(path);
        odd.sum(path);
        odd.time(path);
        odd.list(path);
        odd.entries(path);
        expect(odd.leaves(10).length).toBeLessThanOrEqual(10);
      }),
    );
  });
});

describe('rates', () => {
  it('are what was added since the last sample, per second', () => {
    const rates = new Rates();
    rates.begin(0);
    expect(rates.perSecond('a', 10)).toBeUndefined();
    rates.begin(2000);
    expect(rates.perSecond('a', 30)).toBe(10);
    rates.begin(2500);
    expect(rates.added('a', 31)).toBe(1);
  });

  it('are unknown after a total began anew, and without time between', () => {
    const rates = new Rates();
    rates.begin(0);
    rates.perSecond('a', 10);
    rates.begin(1000);
    expect(rates.perSecond('a', 4)).toBeUndefined();
    rates.begin(1000);
    expect(rates.perSecond('a', 6)).toBeUndefined();
  });

  it('forget totals that nobody told of', () => {
    const rates = new Rates();
    rates.begin(0);
    rates.added('a', 1);
    rates.begin(1000);
    rates.begin(2000);
    expect(rates.added('a', 5)).toBeUndefined();
  });
});

describe('the history', () => {
  it('is the last samples within its age, in their order', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 60 }),
        (capacity, steps) => {
          const history = new History(capacity, 30_000);
          const all: { at: number; value: number }[] = [];
          let at = 1_000_000;
          for (const step of steps) {
            at += step;
            history.add(at, [['a', step]]);
            all.push({ at, value: step });
          }
          const expected = all.slice(-capacity).filter((one) => one.at >= at - 30_000);
          const past = history.since(Number.NEGATIVE_INFINITY, at);
          expect(past.at).toEqual(expected.map((one) => one.at));
          expect(past.series['a'] ?? []).toEqual(expected.map(({ value }) => value));
        },
      ),
    );
  });

  it('has nothing where a value was not known, and where a series was not there yet', () => {
    const history = new History(4, 60_000);
    history.add(1000, [['a', 1]]);
    history.add(2000, [
      ['a', undefined],
      ['b', 0.123456],
    ]);
    history.add(3000, [['b', 2]]);
    expect(history.since(-Infinity, 3000)).toEqual({
      at: [1000, 2000, 3000],
      series: { a: [1, null, null], b: [null, 0.1235, 2] },
    });
    expect(history.since(2000, 3000).at).toEqual([3000]);
  });

  it('keeps no more series than it has room for', () => {
    const history = new History(2, 60_000);
    history.add(
      1000,
      Array.from({ length: 100 }, (_, at) => [`s${at}`, at] as const),
    );
    expect(Object.keys(history.since(0, 1000).series)).toHaveLength(64);
  });
});

describe('the id of the last event', () => {
  it('tells where to go on, if it is of this very process', () => {
    expect(lastSeenAt('host:1', 'host:1/5000')).toBe(5000);
    for (const odd of ['host:2/5000', 'host:1/x', 'host:1', '', undefined, ['host:1/5']]) {
      expect(lastSeenAt('host:1', odd)).toBe(Number.NEGATIVE_INFINITY);
    }
  });
});

describe('components that are asked', () => {
  it('for numbers may throw: they have none, and are reported once', () => {
    const faults: unknown[] = [];
    const hear = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, hear);
    const broken = standIn('broken', () => {
      throw new Error('no numbers');
    });
    const reader = new StatsReader();
    try {
      for (let round = 0; round < 3; round++) {
        const stats = reader.read([broken, standIn('fine', { a: 1 })]);
        expect([...stats.keys()]).toEqual(['fine']);
      }
    } finally {
      unsubscribe(FAULT_CHANNEL, hear);
    }
    expect(faults).toMatchObject([{ where: 'stats of broken' }]);
  });

  it('how they are answer, throw or hang, and are asked seldom and never twice at once', async () => {
    const clock = fakeClock();
    const states = new CheckStates(clock);
    let asked = 0;
    let answer!: () => void;
    const components = [
      standIn('fine', {}, () => {
        asked++;
        return { status: 'warn', detail: 'slow', causes: ['db', 'net'] };
      }),
      standIn('throws', {}, () => Promise.reject(new Error('gone'))),
      standIn(
        'hangs',
        {},
        () => new Promise((resolve) => (answer = () => resolve({ status: 'pass' }))),
      ),
      defineComponent('mute', {}),
    ];
    expect(states.read(components)).toEqual([]);
    await new Promise(setImmediate);
    clock.advance(2000);
    // The one that hangs has had its time; the round ends a few turns later.
    while (states.read([]).length === 0) await new Promise(setImmediate);
    expect(states.read(components)).toMatchObject([
      { name: 'fine', status: 'warn', detail: 'slow', causes: 'db, net' },
      { name: 'throws', status: 'fail', detail: 'Error: gone' },
      { name: 'hangs', status: 'fail', detail: 'did not answer in time' },
    ]);
    expect(asked).toBe(1);
    clock.advance(8000);
    states.read(components);
    states.read(components);
    expect(asked).toBe(2);
    answer();
    states.close();
  });
});
