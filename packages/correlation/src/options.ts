/** What can be said about correlation, and what is said when nothing is. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  ratio,
  resolveOptions,
} from '@org/core';

import { isBaggageKey } from './baggage.ts';
import type { Destinations } from './outgoing.ts';
import type { Format } from './propagation.ts';
import type { FillRandom } from './random-ids.ts';
import type { IdSource } from './request-id.ts';
import { isTracestateKey } from './tracestate.ts';
import { isTrust, type Trust, TRUST_EXPECTED } from './trust.ts';

/** How requests are named and traced. */
export interface CorrelationOptions {
  /** Header of the request's id, in requests, answers and calls. @default "X-Request-Id" */
  readonly header: string;
  /** Put the id into the answer. @default true */
  readonly respond: boolean;
  /** Longest id that is taken over, in characters. @default 128 */
  readonly maxLength: number;
  /** How new ids are made. @default "uuid" */
  readonly ids: IdSource;
  /** Keep a trace context. @default true */
  readonly trace: boolean;
  /** Formats that are read, in this order; the first that is valid counts. @default ["w3c"] */
  readonly extract: readonly Format[];
  /** Formats that are written, all of them. @default ["w3c"] */
  readonly inject: readonly Format[];
  /** Share of traces that are recorded, of those that begin here. @default 1 */
  readonly sampleRatio: number;
  /** Key of an own member in tracestate, which carries our span's id; none without. @default none */
  readonly tracestateKey: string | undefined;
  /** Whose ids and traces are taken over. @default local networks and the app's proxies continue, others link */
  readonly trust: Trust;
  /** Keys of baggage that pass; without any, baggage is neither read nor sent. @default [] */
  readonly baggage: readonly string[];
  /** Most members of baggage. @default 64 */
  readonly baggageMaxMembers: number;
  /** Longest baggage, in bytes. @default 8192 */
  readonly baggageMaxBytes: number;
  /** Keep the exchange in an AsyncLocalStorage; it slows every await of the process. @default false */
  readonly context: boolean;
  /** Work with the OpenTelemetry API, which is loaded by `start()`. @default false */
  readonly openTelemetry: boolean;
  /** Where `fetch` and the interceptor send correlation. @default everywhere */
  readonly propagateTo: Destinations | undefined;
  /** Fills bytes with randomness, for trace and span ids. @default node:crypto's randomFillSync */
  readonly fillRandom: FillRandom | undefined;
}

export const CORRELATION_DEFAULTS: Readonly<CorrelationOptions> = Object.freeze<CorrelationOptions>(
  {
    header: 'X-Request-Id',
    respond: true,
    maxLength: 128,
    ids: 'uuid',
    trace: true,
    extract: Object.freeze(['w3c'] as const),
    inject: Object.freeze(['w3c'] as const),
    sampleRatio: 1,
    tracestateKey: undefined,
    trust: Object.freeze({
      from: Object.freeze(['loopback', 'linklocal', 'uniquelocal', 'proxy']),
      inside: 'continue',
      outside: 'link',
    }),
    baggage: Object.freeze([]),
    baggageMaxMembers: 64,
    baggageMaxBytes: 8192,
    context: false,
    openTelemetry: false,
    propagateTo: undefined,
    fillRandom: undefined,
  },
);

const format = oneOf('w3c', 'b3', 'b3multi');

const CHECKS: Checks<CorrelationOptions> = {
  header: matching('the name of a header', (name) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)),
  respond: boolean(),
  maxLength: integer({ min: 1, max: 1024 }),
  ids: either(oneOf('uuid', 'counter'), func<Extract<IdSource, (...all: never) => string>>()),
  trace: boolean(),
  extract: listOf(format),
  inject: listOf(format),
  sampleRatio: ratio(),
  tracestateKey: matching('a tracestate key such as "acme"', isTracestateKey),
  trust: { expected: TRUST_EXPECTED, accepts: isTrust },
  baggage: listOf(matching('a baggage key', isBaggageKey)),
  baggageMaxMembers: integer({ min: 1, max: 1024 }),
  baggageMaxBytes: integer({ min: 1, max: 65_536 }),
  context: boolean(),
  openTelemetry: boolean(),
  propagateTo: either(
    listOf(matching('a host', (host) => /^\.?[^\s/]+$/.test(host))),
    func<(url: URL) => boolean>(),
  ),
  fillRandom: func<FillRandom>(),
};

/** Options over the defaults. @throws OptionError */
export function correlationOptions(
  given: Given<CorrelationOptions> | undefined,
): Readonly<CorrelationOptions> {
  return resolveOptions('correlation', CORRELATION_DEFAULTS, CHECKS, given);
}

function matching(expected: string, holds: (text: string) => boolean): Check<string> {
  return {
    expected,
    accepts: (value): value is string => typeof value === 'string' && holds(value),
  };
}
