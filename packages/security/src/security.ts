/**
 * All parts as one: each in its own phase, and all of them with one reputation of addresses
 * between them. What a part is told itself wins over what is said for all.
 */
import {
  boolean,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  func,
  type Given,
  listOf,
  type Middleware,
  monitoringAccess,
  type MonitoringAccess,
  resolveOptions,
  shape,
  text,
} from '@org/core';

import type { CsrfOptions } from './csrf-options.ts';
import { type Csrf, csrf } from './csrf.ts';
import type { SecurityEvent } from './events.ts';
import type { HeadersOptions } from './headers-options.ts';
import { headers } from './headers.ts';
import { MODE, type ReputationOptions, type ReputationStore } from './reputation-options.ts';
import { reputation, type Reputation } from './reputation.ts';
import type { SanitiseOptions } from './sanitise-options.ts';
import { sanitise } from './sanitise.ts';
import type { Finding } from './threats/finding.ts';
import type { ThreatsOptions } from './threats/options.ts';
import { threats } from './threats/threats.ts';

export interface SecurityOptions {
  /** Security headers; `false`: none. @default {} */
  readonly headers: Given<HeadersOptions> | false;
  /** Reputation of addresses; `false`: none. @default {} */
  readonly reputation: Given<ReputationOptions> | false;
  /** Protection against cross-site requests; `true` is the same as `{}`. @default false */
  readonly csrf: Given<CsrfOptions> | boolean;
  /** Sanitised copies; `false`: none. @default {} */
  readonly sanitise: Given<SanitiseOptions> | false;
  /** Whether requests are searched for attacks, which count against the reputation. @default true */
  readonly enhanced: boolean;
  /** How they are searched; `false` is the same as `enhanced: false`. @default {} */
  readonly threats: Given<ThreatsOptions> | false;
  /** `detect`: nothing is refused; what would have been is counted and told. @default "enforce" */
  readonly mode: 'enforce' | 'detect' | undefined;
  /** Threats from one address, within the window, that block it. @default 5 */
  readonly threatThreshold: number | undefined;
  /** How long a threat counts, in ms. @default 300_000 */
  readonly threatWindowMs: number | undefined;
  /** Addresses and networks (CIDR) that are never blocked. @default [] */
  readonly allow: readonly string[] | undefined;
  /** Addresses and networks that are always refused, unless they are allowed. @default [] */
  readonly deny: readonly string[] | undefined;
  /** Only what is in `allow` is let in. @default false */
  readonly allowOnly: boolean | undefined;
  /** Who sees the list of blocks, in place of loopback. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Where processes share reputations. @default nowhere */
  readonly store: ReputationStore | undefined;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean | undefined;
  /** Hears what happens in any part. @default none */
  readonly onEvent: ((event: SecurityEvent) => unknown) | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock | undefined;
}

export const SECURITY_DEFAULTS: Readonly<SecurityOptions> = Object.freeze<SecurityOptions>({
  headers: Object.freeze({}),
  reputation: Object.freeze({}),
  csrf: false,
  sanitise: Object.freeze({}),
  enhanced: true,
  threats: Object.freeze({}),
  mode: undefined,
  threatThreshold: undefined,
  threatWindowMs: undefined,
  allow: undefined,
  deny: undefined,
  allowOnly: undefined,
  access: undefined,
  store: undefined,
  throwRefusals: undefined,
  onEvent: undefined,
  clock: undefined,
});

/** What its parts check in full is checked here for its kind alone. */
function part<T>(): Check<T | false> {
  return {
    expected: 'false or options',
    accepts: (value): value is T | false =>
      value === false || (typeof value === 'object' && value !== null && !Array.isArray(value)),
  };
}

const anything = <T>(expected: string, type: string): Check<T> => ({
  expected,
  accepts: (value): value is T => typeof value === type,
});

const CHECKS: Checks<SecurityOptions> = {
  headers: part<Given<HeadersOptions>>(),
  reputation: part<Given<ReputationOptions>>(),
  csrf: {
    expected: 'true, false or options',
    accepts: (value): value is Given<CsrfOptions> | boolean =>
      value === true || part<Given<CsrfOptions>>().accepts(value),
  },
  sanitise: part<Given<SanitiseOptions>>(),
  enhanced: boolean(),
  threats: part<Given<ThreatsOptions>>(),
  mode: MODE,
  threatThreshold: anything<number>('a number', 'number'),
  threatWindowMs: anything<number>('a duration in ms', 'number'),
  allow: listOf(text()),
  deny: listOf(text()),
  allowOnly: boolean(),
  access: monitoringAccess,
  store: shape<ReputationStore>('a store', []),
  throwRefusals: boolean(),
  onEvent: func<(event: SecurityEvent) => unknown>(),
  clock: clockCheck,
};

/** The parts that are wanted, and those of them that can be asked for something. */
export type Security = Middleware[] & {
  /** Absent where it is switched off. */
  readonly reputation: Reputation | undefined;
  /** Absent where it is switched off. */
  readonly csrf: Csrf | undefined;
};

/**
 * Makes all parts that are wanted.
 * @throws OptionError for unknown or wrong options, those of the parts included
 */
export function security(options?: Given<SecurityOptions>): Security {
  const settings = resolveOptions('security', SECURITY_DEFAULTS, CHECKS, options);
  const { mode, throwRefusals, onEvent } = settings;

  const guard =
    settings.reputation === false
      ? undefined
      : reputation({ ...forReputation(settings), ...given(settings.reputation) });
  const csrfOptions = settings.csrf === true ? {} : settings.csrf;
  const protection =
    csrfOptions === false
      ? undefined
      : csrf({ mode, throwRefusals, onEvent, ...given(csrfOptions) });

  const parts: (Middleware | undefined)[] = [
    settings.headers === false ? undefined : headers(settings.headers),
    guard,
    protection,
    ...inspection(settings, guard),
    settings.sanitise === false ? undefined : sanitise(settings.sanitise),
  ];
  return Object.assign(
    parts.filter((one) => one !== undefined),
    { reputation: guard, csrf: protection },
  );
}

/**
 * Inspects requests. One that is refused counts one point against whoever it is from; so does one
 * that would be, where all parts only detect.
 */
function inspection(
  { threats: options, enhanced, mode, throwRefusals, onEvent }: SecurityOptions,
  guard: Reputation | undefined,
): readonly Middleware[] {
  if (options === false || !enhanced) return [];
  const tell = options.onEvent ?? onEvent;
  return threats({
    mode,
    throwRefusals,
    ...given(options),
    onEvent(event) {
      const { exchange, findings, refused } = event;
      if (refused || mode === 'detect') guard?.note(exchange, 1, worstOf(findings));
      tell?.(event);
    },
  });
}

/** What an operator is told of a block: the threat that weighs most. */
function worstOf(findings: readonly Finding[]): string {
  return findings.reduce((worst, one) => (one.score > worst.score ? one : worst)).threat;
}

/** What is said for all, in the words of the reputation. */
function forReputation(settings: SecurityOptions): Given<ReputationOptions> {
  const { mode, allow, deny, allowOnly, access, store, throwRefusals, onEvent, clock } = settings;
  return {
    mode,
    threshold: settings.threatThreshold,
    windowMs: settings.threatWindowMs,
    allow,
    deny,
    allowOnly,
    access,
    store,
    throwRefusals,
    onEvent,
    clock,
  };
}

/** Without what is undefined, which would hide what is said for all. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}
