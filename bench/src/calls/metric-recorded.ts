/** One value into a histogram of the same buckets and two labels; found by its labels, and kept. */
import { metrics } from '@org/metrics';
import { Histogram, Registry } from 'prom-client';
import type { Contestants } from '../calls.ts';

const CALLS = 10_000;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** Seconds from a tenth of a millisecond to ten, most of them short. */
const VALUES = Array.from({ length: 1024 }, (_, at) => 10 ** (((at * 389) % 1024) / 205 - 4));
const KINDS = ['mail', 'report', 'import', 'export'];

const peer = new Histogram({
  name: 'wait_seconds',
  help: 'Waits.',
  buckets: BUCKETS,
  labelNames: ['kind', 'how'],
  registers: [new Registry()],
});
const peerSeries = peer.labels('mail', 'well');

const measured = metrics({ runtime: false });
const ours = measured.histogram('wait_seconds', {
  help: 'Waits.',
  buckets: BUCKETS,
  labels: ['kind', 'how'],
});
const ourSeries = ours.labels('mail', 'well');
const ourCounter = measured.counter('done_total', { help: 'Done.' });

function contestant(record: (at: number) => void): Contestants[string] {
  return {
    calls: CALLS,
    run() {
      for (let at = 0; at < CALLS; at++) record(at);
    },
  };
}

export const contestants: Contestants = {
  'prom-client-labels': contestant((at) =>
    peer.observe({ kind: KINDS[at % 4]!, how: 'well' }, VALUES[at % 1024]!),
  ),
  'prom-client-kept': contestant((at) => peerSeries.observe(VALUES[at % 1024]!)),
  labels: contestant((at) => ours.labels(KINDS[at % 4]!, 'well').observe(VALUES[at % 1024]!)),
  kept: contestant((at) => ourSeries.observe(VALUES[at % 1024]!)),
  counter: contestant(() => ourCounter.add()),
};
