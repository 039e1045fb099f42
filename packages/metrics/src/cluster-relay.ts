/**
 * The primary's part: workers cannot talk to each other, so it carries their questions and
 * answers. It also keeps what workers had counted that have gone, or are too busy to answer: the sum
 * of all must not fall because one is missing, or Prometheus takes it for a restart and counts
 * everything twice.
 */
import cluster, { type Worker } from 'node:cluster';
import { type Component, defineComponent, OptionError, type Stats } from '@org/core';

import { tagged, type ToPrimary, type ToWorker, isTagged } from './cluster-messages.ts';
import type { Family } from './family.ts';
import { cumulative, mergeFamilies } from './merge-families.ts';

/** The relay: a component, for who wants to close it. */
export interface MetricsRelay extends Component {
  stats(): Stats;
  close(): void;
}

/**
 * Carries the metrics of workers between them. Call it in the primary.
 * @throws OptionError in a worker
 */
export function relayMetrics(): MetricsRelay {
  if (!cluster.isPrimary) {
    throw new OptionError('metrics', ['relayMetrics() belongs into the primary of the cluster.']);
  }
  const joined = new Set<number>();
  const latest = new Map<number, readonly Family[]>();
  let past: readonly Family[] = [];
  let relayedTotal = 0;

  function hear(from: Worker, raw: unknown): void {
    if (!isTagged(raw)) return;
    const message = raw as unknown as ToPrimary;
    joined.add(from.id);
    if (message.kind === 'ask') ask(from, message);
    else if (message.kind === 'part') {
      const { id, what, asker, part } = message;
      if (what === 'families') latest.set(from.id, part as readonly Family[]);
      tell(cluster.workers?.[asker], { kind: 'part', id, from: from.id, part });
    } else if (message.kind === 'late') {
      const known = message.silent.map((id) => cumulative(latest.get(id) ?? []));
      tell(from, { kind: 'late', id: message.id, past: mergeFamilies([past, ...known]) });
    }
  }

  function ask(from: Worker, { id, what, own }: Extract<ToPrimary, { kind: 'ask' }>): void {
    relayedTotal++;
    if (what === 'families') latest.set(from.id, own as readonly Family[]);
    const others = Object.values(cluster.workers ?? {}).filter(
      (worker): worker is Worker =>
        worker !== undefined && worker.id !== from.id && joined.has(worker.id),
    );
    const asked = others.filter((worker) =>
      tell(worker, { kind: 'collect', id, what, asker: from.id }),
    );
    tell(from, {
      kind: 'asked',
      id,
      others: asked.map((worker) => worker.id),
      past: what === 'families' ? past : [],
    });
  }

  function bury({ id }: Worker): void {
    joined.delete(id);
    const last = latest.get(id);
    latest.delete(id);
    if (last !== undefined) past = mergeFamilies([past, cumulative(last)]);
  }

  cluster.on('message', hear);
  // One that drains has no channel any more, and may take long to exit.
  cluster.on('disconnect', bury);
  cluster.on('exit', bury);
  // Those that were there before.
  for (const worker of Object.values(cluster.workers ?? {})) tell(worker, { kind: 'who' });

  return defineComponent('metrics-relay', {
    stats: (): Stats => ({ workers: joined.size, relayedTotal }),
    close() {
      cluster.off('message', hear);
      cluster.off('disconnect', bury);
      cluster.off('exit', bury);
      joined.clear();
      latest.clear();
    },
  });
}

/** Whether the message could be handed over; a worker that is about to go may take none. */
function tell(worker: Worker | undefined, message: ToWorker): boolean {
  if (worker === undefined || !worker.isConnected()) return false;
  worker.send(tagged(message), undefined, undefined, () => undefined);
  return true;
}
