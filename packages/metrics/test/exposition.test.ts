/** The two texts, read back by a parser that forgives nothing; and which of them who gets. */
import * as fc from 'fast-check';

import { exposition } from '../src/exposition.ts';
import { counter, type Family, gauge, prometheusName } from '../src/family.ts';
import { cumulative, mergeFamilies } from '../src/merge-families.ts';
import { formatFor } from '../src/negotiation.ts';
import { parse } from './exposition-parser.ts';

const FORMATS = ['prometheus', 'openmetrics'] as const;

const histogram: Family = {
  name: 'http.server.request.duration',
  unit: 's',
  help: 'How long.',
  kind: 'histogram',
  bounds: [0.5, 1, 10],
  samples: [
    {
      labels: { 'http.route': '/a/:id' },
      counts: [3, 0, 2, 1],
      sum: 30.5,
      exemplars: [
        undefined,
        undefined,
        { traceId: 'f'.repeat(32), spanId: 'a'.repeat(16), value: 4.25, at: 1_700_000_000_123 },
      ],
    },
  ],
};

describe.each(FORMATS)('the text, as %s', (format) => {
  test('gives back every label and help, whatever is in them', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string({ unit: 'binary' })),
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true }),
        (given, help, value) => {
          const labels = { ...given };
          const text = exposition([gauge('some.thing', '', help, [{ labels, value }])], format);
          const { samples, help: told } = parse(text, format).get('some_thing')!;
          expect(samples).toEqual([
            { name: 'some_thing', labels, value: Object.is(value, -0) ? 0 : value },
          ]);
          const plain = told.replaceAll(/\\(.)/g, (_, letter: string) =>
            letter === 'n' ? '\n' : letter,
          );
          expect(plain).toBe(help);
        },
      ),
    );
  });

  test('has names and units by the rules of OpenTelemetry and Prometheus', () => {
    const one = [{ labels: {}, value: 1 }];
    const text = exposition(
      [
        counter('process.cpu.time', 's', 'a', one),
        counter('things', '', 'b', one),
        gauge('memory-used', 'By', 'c', one),
        gauge('load', '1', 'd', one),
        gauge('age_seconds', 's', 'e', one),
        gauge('9lives', '', 'f', one),
      ],
      format,
    );
    const names = [...parse(text, format).values()].map(({ name, samples }) => [
      name,
      samples[0]!.name,
    ]);
    const total = format === 'openmetrics' ? '' : '_total';
    expect(names).toEqual([
      [`process_cpu_time_seconds${total}`, 'process_cpu_time_seconds_total'],
      [`things${total}`, 'things_total'],
      ['memory_used_bytes', 'memory_used_bytes'],
      ['load_ratio', 'load_ratio'],
      ['age_seconds', 'age_seconds'],
      ['_9lives', '_9lives'],
    ]);
  });

  test('adds buckets up, and writes their ends the same in both formats', () => {
    const { samples } = parse(exposition([histogram], format), format).get(
      prometheusName(histogram),
    )!;
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
    expect(exposition([histogram], format)).toContain('le="1.0"');
    expect(buckets.map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['0.5', 3],
      ['1.0', 3],
      ['10.0', 5],
      ['+Inf', 6],
    ]);
    expect(samples.find(({ name }) => name.endsWith('_sum'))?.value).toBe(30.5);
  });

  test('has exemplars in OpenMetrics alone', () => {
    const text = exposition([histogram], format);
    const { samples } = parse(text, format).get(prometheusName(histogram))!;
    const exemplars = samples.flatMap(({ exemplar }) => (exemplar === undefined ? [] : [exemplar]));
    expect(exemplars).toEqual(
      format === 'prometheus'
        ? []
        : [
            {
              labels: { trace_id: 'f'.repeat(32), span_id: 'a'.repeat(16) },
              value: 4.25,
              timestamp: 1_700_000_000.123,
            },
          ],
    );
  });

  test('leaves out what has no samples, and the second of two of one name', () => {
    const text = exposition(
      [
        gauge('a.b', '', 'first', [{ labels: {}, value: 1 }]),
        gauge('a_b', '', 'second', [{ labels: {}, value: 2 }]),
        gauge('empty', '', 'none', []),
      ],
      format,
    );
    expect([...parse(text, format).values()]).toMatchObject([{ name: 'a_b', help: 'first' }]);
  });
});

describe('the format', () => {
  test.each([
    [undefined, 'prometheus'],
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'prometheus'],
    ['text/plain', 'prometheus'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
    [
      'application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    // What Prometheus 2 and 3 ask with.
    [
      'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    ['application/openmetrics-text;version=2.0.0,text/plain;q=0.5', 'prometheus'],
    ['application/openmetrics-text;q=0.2,text/plain;q=0.9', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['application/openmetrics-text;q=nonsense', 'prometheus'],
    ['APPLICATION/OPENMETRICS-TEXT', 'openmetrics'],
  ] as const)('for Accept: %s is %s (RFC 9110 §12.5.1)', (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });
});

describe('families of several processes', () => {
  const level = (merge: 'sum' | 'max' | 'mean', value: number): Family =>
    gauge(merge, '', 'x', [{ labels: { a: '1', b: '2' }, value }], merge);

  test('add up, or become the largest or the mean, as they say', () => {
    const part = (value: number): readonly Family[] => [
      level('sum', value),
      level('max', value),
      level('mean', value),
      counter('done', '', 'x', [{ labels: {}, value }]),
    ];
    const merged = mergeFamilies([part(2), part(4), part(9)]);
    const values = merged.map((family) => (family.samples[0] as { value: number }).value);
    expect(values).toEqual([15, 9, 5, 15]);
  });

  test('keep what only one of them has, and know labels in any order', () => {
    const swapped = gauge('sum', '', 'x', [
      { labels: { b: '2', a: '1' }, value: 5 },
      { labels: { a: 'other' }, value: 7 },
    ]);
    const [merged, only] = mergeFamilies([[level('sum', 1)], [swapped, level('max', 3)]]);
    expect(merged!.samples).toEqual([
      { labels: { a: '1', b: '2' }, value: 6 },
      { labels: { a: 'other' }, value: 7 },
    ]);
    expect(only).toEqual(level('max', 3));
  });

  test('have histograms that add bucket by bucket, unless their buckets differ', () => {
    const other = { ...histogram, bounds: [1, 2, 3] } as Family;
    const [merged] = mergeFamilies([[histogram], [histogram], [other]]);
    expect(merged!.samples[0]).toMatchObject({
      counts: [6, 0, 4, 2],
      sum: 61,
      exemplars: [undefined, undefined, { value: 4.25 }, undefined],
    });
  });

  test('of which one has gone leave what only grows', () => {
    const summary: Family = {
      ...level('sum', 1),
      name: 'sizes',
      kind: 'summary',
      samples: [
        { labels: { quantile: '0.5' }, value: 7, suffix: '' },
        { labels: {}, value: 14, suffix: '_sum' },
        { labels: {}, value: 2, suffix: '_count' },
      ],
    } as Family;
    // A counter of prom-client without the ending.
    const visits = { ...counter('visits', '', 'x', []), kind: 'unknown' } as Family;
    const done = counter('done', '', 'x', []);
    const kept = cumulative([level('sum', 1), done, histogram, summary, visits]);
    expect(kept.map(({ name }) => name)).toEqual(['done', histogram.name, 'sizes', 'visits']);
    expect(kept[2]!.samples).toMatchObject([{ suffix: '_sum' }, { suffix: '_count' }]);
  });
});
