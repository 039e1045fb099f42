/**
 * Identical reads at the same time run once: the first asks the handler, the others get its
 * answer. It stands behind the cache, which does the same for what it stores; here it helps with
 * what may not be stored, which under a cache is most of what costs: personal and uncached
 * answers. It stands ahead of the queue, since who waits for another takes no place there.
 *
 * All of it is in this process: an answer that is passed on was asked for when it was asked for.
 */
import {
  answerWhole,
  type BodySink,
  Credentials,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  HANDLED,
  hasNoBody,
  type Middleware,
  type ResponseHead,
  type StateKey,
  stateKey,
  type Stats,
  type StepResult,
} from '@org/core';
import { LRUCache } from 'lru-cache';

import { type HeaderSnapshot, snapshot } from './answer-headers.ts';
import { CoalescingEvents } from './coalescing-events.ts';
import { type CoalescingOptions, resolveCoalescingOptions } from './coalescing-options.ts';
import { type Flight, Flights, type LeaderEnd } from './flights.ts';
import {
  type Crowd,
  isFor,
  type SharedAnswer,
  type SharedHead,
  sharedHead,
} from './shared-answer.ts';

/** The most characters of keys that are remembered as not worth waiting for. */
const MAX_UNSHARED_LENGTH = 2 ** 21;

/** Requests for a part, under a condition, or about something else than the answer's body. */
const STANDS_ASIDE = [
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'expect',
  'upgrade',
] as const;

/** What answers differ by, whether or not they say so. */
const ASKED_WITH = [
  'host',
  'x-forwarded-host',
  'x-forwarded-proto',
  'accept',
  'accept-encoding',
  'accept-language',
  'origin',
] as const;

/** One request's part in a crowd. */
interface Visit {
  readonly flight: Flight;
  readonly crowd: Crowd;
  /** Set while it leads. */
  before: HeaderSnapshot | undefined;
}

/** Makes a middleware of its own. @throws OptionError for unknown or wrong options */
export function coalescing(options?: Given<CoalescingOptions>): Middleware {
  const settings = resolveCoalescingOptions(options);
  const { clock, maxBodyBytes, unsharedMs } = settings;
  const credentials = new Credentials(settings);
  const events = new CoalescingEvents(settings.onEvent);
  const flights = new Flights(clock, settings.maxFollowers, settings.maxWaitMs);
  const visits: StateKey<Visit> = stateKey<Visit>('coalescing');
  const unshared = new LRUCache<string, number>({
    maxSize: MAX_UNSHARED_LENGTH,
    sizeCalculation: (_untilMs, key) => key.length,
  });
  let closed = false;

  const leading = defineStages({
    capture: (head, exchange) => capture(head, exchange, exchange.getState(visits)!),
    // Where it has ended by an answer, this comes late and changes nothing.
    done: (exchange) => endLead(exchange, exchange.getState(visits)!, 'gone'),
  });
  const following = defineStages({
    done: (exchange) => flights.leave(exchange.getState(visits)!.flight, exchange),
  });
  const writing = defineStages({
    head: () => flights.seal(),
  });

  function step(exchange: Exchange): StepResult {
    const { req } = exchange;
    if (closed || exchange.internal) return undefined;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      // Who has been told of a change must not get an answer from before it.
      if (req.method !== 'OPTIONS') exchange.tap(writing);
      return undefined;
    }
    if (standsAside(exchange) || exchange.getState(visits) !== undefined) return undefined;
    const part = partOf(exchange);
    const key = keyOf(exchange, part);
    if (isUnshared(key)) return undefined;
    const flight = flights.under(key);
    const crowd: Crowd =
      part !== undefined ? 'one' : credentials.carriedBy(req) ? 'credentialed' : 'anonymous';
    if (flight === undefined) {
      lead(exchange, { flight: flights.begin(key, exchange), crowd, before: undefined });
      events.tell('led', exchange);
      return undefined;
    }
    if (!flights.hasRoom(flight)) {
      events.tell('crowded', exchange);
      return undefined;
    }
    const visit: Visit = { flight, crowd, before: undefined };
    exchange.setState(visits, visit);
    exchange.tap(following);
    return follow(exchange, visit);
  }

  function lead(exchange: Exchange, visit: Visit): void {
    visit.before = snapshot(exchange.head);
    exchange.setState(visits, visit);
    exchange.tap(leading);
  }

  async function follow(exchange: Exchange, visit: Visit): Promise<void | typeof HANDLED> {
    const landing = await flights.follow(visit.flight, exchange);
    if (landing === 'gone' || exchange.settled) {
      // It went in the very moment in which it was told to lead.
      if (landing === 'lead') flights.end(visit.flight, exchange, 'gone');
      return HANDLED;
    }
    if (landing === 'lead') {
      events.tell('promoted', exchange);
      lead(exchange, visit);
    } else if (landing === 'alone' || !isFor(landing, exchange.req.headers)) {
      events.tell('released', exchange);
    } else {
      events.tell('followed', exchange);
      answerWhole(exchange, landing.status, landing.headers, landing.body);
      return HANDLED;
    }
    return undefined;
  }

  /** The leader's answer: those who wait get it as soon as it is whole, or are let go as soon as it is known not to be for them. */
  function capture(head: ResponseHead, exchange: Exchange, visit: Visit): BodySink | undefined {
    const shared = sharedHead(exchange, head, visit.before!, visit.crowd);
    if (shared === undefined) {
      endLead(exchange, visit, 'unshared');
      return undefined;
    }
    return collect(exchange, visit, shared);
  }

  function collect(exchange: Exchange, visit: Visit, head: SharedHead): BodySink {
    const chunks: Buffer[] = [];
    let length = 0;
    return {
      write(chunk) {
        length += chunk.length;
        if (length <= maxBodyBytes) {
          chunks.push(Buffer.from(chunk));
        } else if (length - chunk.length <= maxBodyBytes) {
          chunks.length = 0;
          endLead(exchange, visit, 'unshared');
        }
      },
      end() {
        if (length > maxBodyBytes) return;
        const answer = whole(exchange, head, Buffer.concat(chunks, length));
        endLead(exchange, visit, { answer, failed: head.status >= 500 });
      },
      // `done` says so.
      abort: () => undefined,
    };
  }

  function endLead(exchange: Exchange, { flight }: Visit, end: LeaderEnd): void {
    if (end === 'unshared' && !flight.landed && unsharedMs > 0) {
      unshared.set(flight.key, clock.monotonicMs() + unsharedMs);
    }
    flights.end(flight, exchange, end);
  }

  function isUnshared(key: string): boolean {
    const untilMs = unshared.get(key);
    if (untilMs === undefined) return false;
    if (clock.monotonicMs() < untilMs) return true;
    unshared.delete(key);
    return false;
  }

  /** Who was authenticated already is known better than by what the request carries. */
  function partOf(exchange: Exchange): string | undefined {
    const { partition } = settings;
    const known = partition === 'credentials' && exchange.peekPrincipal() !== undefined;
    return credentials.partOf(exchange, known ? 'principal' : partition);
  }

  return defineMiddleware({
    name: 'dedup:coalescing',
    phase: 'reuse',
    after: ['cache'],
    reason:
      'what a cache may not store is asked for once all the same; who waits takes no place in the queue',
    step,
    stats: (): Stats => ({ ...events.stats(), flights: flights.size, waiting: flights.waiting }),
    close() {
      closed = true;
      flights.close();
      unshared.clear();
    },
  });
}

function standsAside({ req }: Exchange): boolean {
  const { headers } = req;
  for (const name of STANDS_ASIDE) if (headers[name] !== undefined) return true;
  // RFC 9111 §5.2.1.4, §5.4: asked for from the origin, from now on.
  const fresh = headers['cache-control'] ?? headers.pragma;
  if (fresh !== undefined && /no-cache|no-store|max-age\s*=\s*0\b/i.test(fresh)) return true;
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** What two requests must have in common. Only as long as they are under way does anything hold it. */
function keyOf({ req, version }: Exchange, part: string | undefined): string {
  const { headers } = req;
  let key = `${req.method} ${req.originalUrl}\n${version ?? ''}\n${part ?? ''}`;
  for (const name of ASKED_WITH) key += `\n${String(headers[name] ?? '')}`;
  return key;
}

function whole(
  { req }: Exchange,
  { status, headers, vary }: SharedHead,
  body: Buffer,
): SharedAnswer {
  const flat = hasNoBody(req.method, status)
    ? headers
    : [...headers, 'content-length', String(body.length)];
  return { status, headers: flat, body, vary };
}
