/** The application's own metrics. */
import { channel } from 'node:diagnostics_channel';
import { FAULT_CHANNEL, type Fault } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { metrics, type Metrics, type MetricsOptions } from '@org/metrics';
import * as fc from 'fast-check';

import { parse, type ParsedFamily } from './exposition-parser.ts';
import { OPEN_METRICS, valuesOf } from './serving.ts';

const made: Metrics[] = [];
afterEach(() => {
  for (const one of made.splice(0)) one.close();
});

function make(options: Partial<MetricsOptions> = {}): Metrics {
  const one = metrics({ runtime: false, clock: fakeClock(), ...options });
  made.push(one);
  return one;
}

async function read(one: Metrics): Promise<Map<string, ParsedFamily>> {
  return parse((await one.page(OPEN_METRICS)).body, 'openmetrics');
}

describe('a counter', () => {
  test('counts from 0, and never down', async () => {
    const one = make();
    const done = one.counter('jobs_total', { help: 'Jobs.' });
    expect(valuesOf((await read(one)).get('jobs'))).toEqual({ '': 0 });
    done.add();
    done.add(2.5);
    for (const odd of [-1, Number.NaN, 0]) done.add(odd);
    expect(valuesOf((await read(one)).get('jobs'))).toEqual({ '': 3.5 });
    expect((await one.page()).body).toContain('\njobs_total 3.5\n');
  });

  test('has a series for each set of labels, by order or by name', async () => {
    const one = make();
    const done = one.counter('jobs_total', { help: 'Jobs.', labels: ['kind', 'how'] });
    done.labels('mail', 'well').add();
    done.labels({ how: 'well', kind: 'mail' }).add();
    done.labels(['mail', 'badly']).add(5);
    expect(done.labels('mail', 'well')).toBe(done.labels({ kind: 'mail', how: 'well' }));
    expect(valuesOf((await read(one)).get('jobs'))).toEqual({
      'kind=mail,how=well': 2,
      'kind=mail,how=badly': 5,
    });
  });

  test('tells apart whatever its labels hold', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (pairs) => {
        const done = make().counter('jobs_total', { help: 'Jobs.', labels: ['a', 'b'] });
        const bySeries = new Map(
          pairs.map(([a, b]) => [done.labels(a, b), JSON.stringify([a, b])]),
        );
        expect(new Set(bySeries.values()).size).toBe(bySeries.size);
        for (const [a, b] of pairs)
          expect(bySeries.get(done.labels(a, b))).toBe(JSON.stringify([a, b]));
      }),
    );
  });

  test('that gets too many sets of labels counts the rest as one', async () => {
    const one = make({ maxSeries: 3 });
    const done = one.counter('jobs_total', { help: 'Jobs.', labels: ['user'] });
    for (let user = 0; user < 10; user++) done.labels(`u${user}`).add();
    expect(valuesOf((await read(one)).get('jobs'))).toEqual({
      'user=u0': 1,
      'user=u1': 1,
      'user=u2': 1,
      'otel_metric_overflow=true': 7,
    });
    expect(one.performance().overflowedSeries).toBe(3);
  });

  test('says which labels are missing or unknown', () => {
    const done = make().counter('jobs_total', { help: 'Jobs.', labels: ['kind'] });
    const wrong = 'takes a text for each of the labels kind, but was given';
    expect(() => done.labels()).toThrow(wrong);
    expect(() => done.labels('a', 'b')).toThrow(wrong);
    expect(() => done.labels({ sort: 'a' })).toThrow(wrong);
    expect(() => done.labels({ kind: 'a', sort: 'b' })).toThrow(wrong);
    expect(() => done.labels({ kind: 1 } as never)).toThrow(wrong);
    expect(() => done.add()).toThrow('has the labels kind; say which');
  });
});

describe('a gauge', () => {
  test('goes up and down, or is asked for', async () => {
    const one = make();
    const depth = one.gauge('depth', { help: 'Depth.' });
    depth.set(10);
    depth.add(-3);
    let rooms = 4;
    one.gauge('rooms', { help: 'Rooms.', collect: () => rooms++ });
    expect(valuesOf((await read(one)).get('depth'))).toEqual({ '': 7 });
    expect(valuesOf((await read(one)).get('rooms'))).toEqual({ '': 5 });
  });

  test('that cannot be asked for is reported, and no number', async () => {
    const one = make();
    const faults: Fault[] = [];
    const hear = (fault: unknown): number => faults.push(fault as Fault);
    channel(FAULT_CHANNEL).subscribe(hear);
    one.gauge('rooms', {
      help: 'Rooms.',
      collect() {
        throw new Error('locked');
      },
    });
    expect(valuesOf((await read(one)).get('rooms'))).toEqual({ '': Number.NaN });
    channel(FAULT_CHANNEL).unsubscribe(hear);
    expect(faults).toMatchObject([{ where: 'metrics collect of rooms' }]);
  });
});

describe('a histogram', () => {
  test('has its own buckets, and exemplars of sampled traces', async () => {
    const one = make();
    const sizes = one.histogram('size_bytes', { help: 'Sizes.', buckets: [10, 100] });
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true } as never;
    sizes.observe(5);
    sizes.observe(50, trace);
    sizes.observe(Number.NaN);
    sizes.observe(500, { ...(trace as object), sampled: false } as never);
    const { samples } = (await read(one)).get('size_bytes')!;
    expect(samples.map(({ value }) => value)).toEqual([1, 2, 3, 555, 3]);
    expect(samples[1]!.exemplar).toMatchObject({ value: 50, labels: { trace_id: 'a'.repeat(32) } });
    expect(samples.filter(({ exemplar }) => exemplar !== undefined)).toHaveLength(1);
  });

  test('has those of requests where it has none', async () => {
    const one = make({ bucketsMs: [250, 1000] });
    one.histogram('wait_seconds', { help: 'Waits.' }).observe(0.3);
    const { samples } = (await read(one)).get('wait_seconds')!;
    expect(samples.flatMap(({ labels }) => labels['le'] ?? [])).toEqual(['0.25', '1.0', '+Inf']);
  });
});

test('what is no number, as it comes from where there are no types, spoils nothing', async () => {
  const one = make();
  const done = one.counter('jobs_total', { help: 'Jobs.' });
  const depth = one.gauge('depth', { help: 'Depth.' });
  const waits = one.histogram('wait_seconds', { help: 'Waits.' });
  one.gauge('rooms', { help: 'Rooms.', collect: () => undefined as never });
  for (const odd of ['3', undefined, null, {}] as never[]) {
    done.add(odd);
    depth.set(odd);
    depth.add(odd);
    waits.observe(odd);
  }
  const families = await read(one);
  // Nothing is what the default stands for.
  expect(valuesOf(families.get('jobs'))).toEqual({ '': 1 });
  expect(valuesOf(families.get('depth'))).toEqual({ '': 1 });
  expect(valuesOf(families.get('wait_seconds'))).toEqual({ '': 0 });
  expect(valuesOf(families.get('rooms'))).toEqual({ '': Number.NaN });
});

describe('a declaration', () => {
  test('that was made already is found again, and one that differs refused', () => {
    const one = make();
    const declare = () => one.counter('jobs_total', { help: 'Jobs.', labels: ['kind'] });
    expect(declare()).toBe(declare());
    expect(() => one.counter('jobs_total', { help: 'Jobs.' })).toThrow('with other options');
    expect(() => one.gauge('jobs', { help: 'Jobs.' })).toThrow('with other options');
  });

  test.each<[(one: Metrics) => unknown, string]>([
    [(one) => one.counter('jobs', { help: 'x' }), 'call it "jobs_total"'],
    [(one) => one.counter('1_total', { help: 'x' }), 'no digit in front'],
    [(one) => one.gauge('a-b', { help: 'x' }), 'a name has letters'],
    [(one) => one.gauge('a_total', { help: 'x' }), 'the ending of the name'],
    [(one) => one.gauge('a_count', { help: 'x' }), 'the ending of the name'],
    [(one) => one.gauge('a', { help: '' }), 'option "help" must be a text'],
    [(one) => one.gauge('a', undefined as never), 'option "help" must be a text'],
    [
      (one) => one.gauge('a', { help: 'x', labels: ['__a'] }),
      'option "labels" must be a list, each a name of letters',
    ],
    [(one) => one.gauge('a', { help: 'x', labels: ['le'] }), 'option "labels" must be'],
    [(one) => one.gauge('a', { help: 'x', labels: ['b', 'b'] }), 'stands twice'],
    [(one) => one.gauge('a', { help: 'x', labels: ['b'], collect: () => 1 }), 'no labels'],
    [(one) => one.gauge('a', { help: 'x', bucket: [1] } as never), 'option "bucket" is unknown'],
    [(one) => one.gauge('http_server_active_requests', { help: 'x' }), 'the name is taken'],
    [(one) => one.gauge('org_cache_hits', { help: 'x' }), 'the name is taken'],
    [(one) => one.histogram('a', { help: 'x', buckets: [2, 1] }), 'ascending order'],
    [(one) => one.histogram('a', { help: 'x', buckets: [] }), 'ascending order'],
  ])('that is wrong is refused, and says why: %#', (declare, message) => {
    expect(() => declare(make())).toThrow(message);
    expect(() => declare(make())).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });

  test('is one of so many at most', () => {
    const one = make();
    for (let at = 0; at < 1000; at++) one.gauge(`g${at}`, { help: 'x' });
    expect(() => one.gauge('more', { help: 'x' })).toThrow('there are 1000 metrics already');
  });
});
