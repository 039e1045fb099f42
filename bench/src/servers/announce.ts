/** How a server tells the bench where it listens, and what it has used up when it is asked. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type IntervalHistogram,
  monitorEventLoopDelay,
  type RecordableHistogram,
} from 'node:perf_hooks';
import { microsPerRequest } from './clients.ts';

export type FromServer =
  | { readonly kind: 'listening'; readonly port: number }
  | {
      readonly kind: 'usage';
      readonly cpuMicros: number;
      readonly rssBytes: number;
      /** p99 since the last time that it was asked for; 0 where `watched` is off. */
      readonly loopDelayMs: number;
      /** Times inside since the last time; 0 where nobody takes them. */
      readonly insideMicros: { readonly p50: number; readonly p99: number };
    }
  | { readonly kind: 'driven'; readonly cpuMicros: number };

/** What the bench asks of a server. */
export type ToServer =
  | { readonly kind: 'usage' }
  /** To answer requests of clients within its own process. */
  | { readonly kind: 'drive'; readonly path: string; readonly requests: number };

/** How fine the delay of the event loop is looked at, in ms. */
const RESOLUTION_MS = 10;

/**
 * Call it once the server listens. `watched` has a timer look at the event loop; `inside` has the
 * times of requests, in ns.
 */
export function announce(
  server: Server,
  watched: boolean = false,
  inside?: RecordableHistogram,
): void {
  const delays = watched ? monitorEventLoopDelay({ resolution: RESOLUTION_MS }) : undefined;
  delays?.enable();
  process.on('message', (asked: ToServer) => {
    if (asked.kind === 'drive') {
      void microsPerRequest(server, asked.path, asked.requests).then((cpuMicros) =>
        tell({ kind: 'driven', cpuMicros }),
      );
      return;
    }
    const { user, system } = process.cpuUsage();
    tell({
      kind: 'usage',
      cpuMicros: user + system,
      rssBytes: process.memoryUsage.rss(),
      loopDelayMs: delays === undefined ? 0 : delayOf(delays),
      insideMicros: { p50: microsOf(inside, 50), p99: microsOf(inside, 99) },
    });
    inside?.reset();
  });
  // The bench is gone, and nobody else knows of this process.
  process.once('disconnect', () => process.exit(1));
  tell({ kind: 'listening', port: (server.address() as AddressInfo).port });
}

/** What is above the interval of the timer itself, in ms. */
function delayOf(delays: IntervalHistogram): number {
  const delayMs = Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS);
  delays.reset();
  return delayMs;
}

function microsOf(times: RecordableHistogram | undefined, percentile: number): number {
  return times === undefined || times.count === 0 ? 0 : times.percentile(percentile) / 1000;
}

function tell(message: FromServer): void {
  process.send?.(message);
}
