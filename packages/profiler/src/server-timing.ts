/**
 * `Server-Timing` (W3C) for callers who may look inside: how long each middleware kept the
 * request, how long the handler has worked, and the time until the head was ready. It is written
 * when the head leaves: what happens after that is in nobody's header. Times tell strangers what
 * is in a cache and which names exist, so they get none.
 */
import {
  defineStages,
  type Exchange,
  HANDLER_SPAN,
  type Host,
  type MonitoringAccess,
  monitoringGuard,
  stateKey,
  type Timeline,
} from '@org/core';

/** The request header by which a caller asks. */
export const ASKED_BY = 'X-Server-Timing';
const ASKED_FIELD = ASKED_BY.toLowerCase();

/** Writes times for the callers that it lets in. */
export class ServerTiming {
  timedTotal: number = 0;
  private readonly mayLookInside: ReturnType<typeof monitoringGuard>;
  private readonly always: boolean;
  private readonly verdict = stateKey<boolean>('profiler server timing');
  private stop: (() => void) | undefined = undefined;
  private readonly stages = defineStages({
    head: (head, exchange) => {
      this.timedTotal++;
      head.append('Server-Timing', serverTiming(exchange));
      // Caches between here and the caller hand on what they keep, to strangers, too (RFC 9111 §5.2.2.7).
      head.addToList('Cache-Control', 'private');
    },
  });

  constructor(always: boolean, access: MonitoringAccess | undefined) {
    this.always = always;
    this.mayLookInside = monitoringGuard(access);
  }

  /** Has timelines kept of the requests that get times. */
  attach(host: Host): void {
    this.stop?.();
    this.stop = host.timeRequests((exchange) => this.isWanted(exchange));
  }

  step(exchange: Exchange): void {
    if (this.isWanted(exchange)) exchange.tap(this.stages);
  }

  close(): void {
    this.stop?.();
    this.stop = undefined;
  }

  /** Asked once a request, whoever asks first. */
  private isWanted(exchange: Exchange): boolean {
    if (!this.always && exchange.req.headers[ASKED_FIELD] === undefined) return false;
    let wanted = exchange.getState(this.verdict);
    if (wanted === undefined) {
      wanted = this.mayLookInside(exchange.req);
      exchange.setState(this.verdict, wanted);
    }
    return wanted;
  }
}

/** The field's value: `name;dur=ms` for each part, in their order, and the whole. */
export function serverTiming(exchange: Exchange): string {
  const { timeline, clock } = exchange;
  const nowMs = clock.monotonicMs();
  const metrics: string[] = timeline === undefined ? [] : partsOf(timeline, nowMs);
  metrics.push(metric('total', nowMs - exchange.startMs));
  return metrics.join(', ');
}

function partsOf(timeline: Timeline, nowMs: number): string[] {
  const metrics: string[] = [];
  let lastMs = timeline.startMs;
  timeline.each((index, selfMs, startMs) => {
    metrics.push(metric(timeline.names[index]!, selfMs));
    lastMs = startMs + selfMs;
  });
  // Whoever writes the head has not left yet: the handler, or a middleware that answers.
  const answering = Number.isNaN(timeline.routedMs) ? 'answer' : HANDLER_SPAN;
  metrics.push(metric(answering, nowMs - lastMs));
  return metrics;
}

/** A name has to be a token (RFC 9110 §5.6.2), which a middleware's need not be. */
function metric(name: string, ms: number): string {
  const token = name.replaceAll(/[^\w!#$%&'*+.^`|~-]/g, '-') || '-';
  return `${token};dur=${Math.max(0, Math.round(ms * 1000) / 1000)}`;
}
