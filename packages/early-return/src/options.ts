/** What early answers can be told: of the edge, and of what is known of resources; defaults and checks. */
import {
  bytes,
  boolean,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  integer,
  listOf,
  oneOf,
  recordOf,
  systemClock,
  text,
} from '@org/core';
import type { RequestHandler } from 'express';

import { BODY_RULE, type BodyRule } from './bodies.ts';
import type { OnEarlyReturn } from './events.ts';
import type { HeadHeaders, Validator } from './known-resources.ts';
import type { EarlyRule } from './rules.ts';
import { DEFAULT_HEADERS } from './security-headers.ts';

/** What is answered at the edge, before anything is spent. */
export interface EdgeOptions {
  /** Paths that answer GET and HEAD with 200 and `pong`, whatever else is going on. @default [] */
  readonly pings: readonly string[];
  /**
   * Answers `/favicon.ico`: `true` with 204, bytes (ICO, PNG, SVG, GIF or JPEG) with the icon;
   * both may be kept for a day. `false`: it is the application's. @default false
   */
  readonly favicon: boolean | Uint8Array;
  /** Answers `/robots.txt`: a text with itself, `true` by keeping every robot out. `false`: it is the application's. @default false */
  readonly robots: boolean | string;
  /** Answers by path and method; the first that applies counts, exact paths before patterns. @default [] */
  readonly rules: readonly EarlyRule[];
  /** Answers OPTIONS with the methods that the routes of the address take, unless it may be a matter of CORS. @default true */
  readonly options: boolean;
  /**
   * Paths under which the router's own list of routes is the whole truth: an address there that no
   * route has is refused with 404, a method that none of its routes takes with 405. Plain middleware
   * that answers by itself, such as `express.static`, and apps mounted in apps are on no list, and
   * must not stand under these paths. @default []
   */
  readonly routesOnly: readonly string[];
  /** The methods that the application implements; others are refused with 501. Upper case. @default all */
  readonly methods: readonly string[] | undefined;
  /** The longest path and query, in bytes; longer ones are refused with 414. @default 8_192 */
  readonly maxUrlBytes: number;
  /** The most header lines of a request; more are refused with 431. @default 100 */
  readonly maxHeaderLines: number;
  /** The most bytes of names and values of all header lines; more are refused with 431. @default what Node takes (16 KiB, `--max-http-header-size`) */
  readonly maxHeaderBytes: number | undefined;
  /** Which bodies belong where, by Express' path patterns; the first that matches counts. @default {} */
  readonly bodies: Readonly<Record<string, BodyRule>>;
  /** Methods whose requests bring no body; with one they are refused with 400. Upper case. @default [] */
  readonly bodyless: readonly string[];
  /** How much of the body of an answered request is read and dropped to keep its connection, in bytes; for a longer one, or one of unknown length, the connection ends. @default 65_536 */
  readonly maxDrainBytes: number;
  /** How long a connection that ends is still read from, so that its client gets to see the answer, in ms. @default 1_000 */
  readonly lingerMs: number;
  /** Headers of every answer from here, under those of its own. @default `EARLY_RETURN_HEADERS`; none where `secure` is given */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Sets the security headers of the application, such as `helmet()`; it must call `next` at once. @default none */
  readonly secure: RequestHandler | undefined;
  /** Called for everything that is answered. What it throws is reported. @default none */
  readonly onEvent: OnEarlyReturn | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

/** What is answered from what the application knows of a resource, behind what protects it. */
export interface ConditionalOptions {
  /** What is known of a resource's state, by Express' path patterns; the first that matches counts. @default {} */
  readonly validators: Readonly<Record<string, Validator>>;
  /** The headers that answer HEAD without running GET, by Express' path patterns; the first that matches counts. @default {} */
  readonly head: Readonly<Record<string, HeadHeaders>>;
  /** How much of the body of a refused request is read and dropped to keep its connection, in bytes. @default 65_536 */
  readonly maxDrainBytes: number;
  /** Called for everything that is answered. What it throws is reported. @default none */
  readonly onEvent: OnEarlyReturn | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

/** Both. */
export interface EarlyReturnOptions extends EdgeOptions, ConditionalOptions {}

export const EDGE_DEFAULTS: Readonly<EdgeOptions> = Object.freeze<EdgeOptions>({
  pings: Object.freeze([]),
  favicon: false,
  robots: false,
  rules: Object.freeze([]),
  options: true,
  routesOnly: Object.freeze([]),
  methods: undefined,
  maxUrlBytes: 8_192,
  maxHeaderLines: 100,
  maxHeaderBytes: undefined,
  bodies: Object.freeze({}),
  bodyless: Object.freeze([]),
  maxDrainBytes: 65_536,
  lingerMs: 1_000,
  headers: undefined,
  secure: undefined,
  onEvent: undefined,
  clock: systemClock,
});

export const CONDITIONAL_DEFAULTS: Readonly<ConditionalOptions> = Object.freeze<ConditionalOptions>(
  {
    validators: Object.freeze({}),
    head: Object.freeze({}),
    maxDrainBytes: 65_536,
    onEvent: undefined,
    clock: systemClock,
  },
);

export const EARLY_RETURN_DEFAULTS: Readonly<EarlyReturnOptions> =
  Object.freeze<EarlyReturnOptions>({ ...EDGE_DEFAULTS, ...CONDITIONAL_DEFAULTS });

/** Security headers of early answers, which stand ahead of whatever sets those of the application. */
export const EARLY_RETURN_HEADERS: Readonly<Record<string, string>> = DEFAULT_HEADERS;

const PATH: Check<string> = text({ expected: 'a path that begins with "/"', pattern: /^\// });
// RFC 9110 §9.1: methods are case-sensitive, and those that there are, in upper case.
const METHOD: Check<string> = text({ expected: 'a method in upper case', pattern: /^[A-Z-]+$/ });

const VALIDATOR: Check<Validator> = {
  expected: 'an object with "etag", "lastModified" or both, and perhaps "headers"',
  accepts: (value): value is Validator => {
    if (typeof value !== 'object' || value === null) return false;
    const { etag, lastModified, headers = {}, ...rest } = value as Record<string, unknown>;
    const read = [etag, lastModified].filter((one) => one !== undefined);
    return (
      read.length > 0 &&
      read.every((one) => typeof one === 'function') &&
      recordOf(text()).accepts(headers) &&
      Object.keys(rest).length === 0
    );
  },
};

export const EDGE_CHECKS: Checks<EdgeOptions> = {
  pings: listOf(PATH),
  favicon: either(boolean(), {
    expected: 'the bytes of an icon',
    accepts: (value): value is Uint8Array => value instanceof Uint8Array && value.length > 0,
  }),
  robots: either(boolean(), text()),
  rules: listOf<EarlyRule>({
    expected: 'an object with "path" and "status"',
    // What a rule says is looked at where it is compiled, which can name it.
    accepts: (value): value is EarlyRule => typeof value === 'object' && value !== null,
  }),
  options: boolean(),
  routesOnly: listOf(PATH),
  methods: listOf(METHOD),
  maxUrlBytes: bytes({ min: 1 }),
  maxHeaderLines: integer({ min: 1 }),
  maxHeaderBytes: bytes({ min: 1 }),
  bodies: recordOf<BodyRule>(either(oneOf(false), BODY_RULE)),
  bodyless: listOf(METHOD),
  maxDrainBytes: bytes(),
  lingerMs: durationMs(),
  headers: recordOf(text()),
  secure: func<RequestHandler>(),
  onEvent: func<OnEarlyReturn>(),
  clock: clockCheck,
};

export const CONDITIONAL_CHECKS: Checks<ConditionalOptions> = {
  validators: recordOf(VALIDATOR),
  head: recordOf(func<HeadHeaders>()),
  maxDrainBytes: bytes(),
  onEvent: func<OnEarlyReturn>(),
  clock: clockCheck,
};

export const EARLY_RETURN_CHECKS: Checks<EarlyReturnOptions> = {
  ...EDGE_CHECKS,
  ...CONDITIONAL_CHECKS,
};
