/** What the parts tell of themselves as it happens. */
import type { Exchange } from '@org/core';

import type { ThreatEvent } from './threats/events.ts';

/** Name of the diagnostics channel; messages are `SecurityEvent`s. */
export const SECURITY_CHANNEL = '@org/security';

/** Points were noted against somebody. */
export interface NotedEvent {
  readonly type: 'noted';
  /** An address, a network, or `principal:` and a hash. */
  readonly key: string;
  readonly points: number;
  /** What there are now. */
  readonly score: number;
  readonly reason: string;
  readonly exchange: Exchange;
}

/** Somebody is blocked from now on. */
export interface BlockedEvent {
  readonly type: 'blocked';
  readonly key: string;
  readonly reason: string;
  readonly durationMs: number;
  readonly strikes: number;
  /** Another process, through the store, or an operator, or the points noted here. */
  readonly by: 'points' | 'operator' | 'store';
}

/** A block has been lifted. */
export interface LiftedEvent {
  readonly type: 'lifted';
  readonly key: string;
}

/** A request was refused, or would have been: `enforced` says which. */
export interface RefusedEvent {
  readonly type: 'refused';
  readonly part: 'reputation' | 'csrf';
  /** The rule that it broke, such as `blocked`, `denied` or `cross-site`. */
  readonly reason: string;
  readonly enforced: boolean;
  readonly exchange: Exchange;
}

/** Those of the inspection come on a channel of its own. */
export type SecurityEvent = NotedEvent | BlockedEvent | LiftedEvent | RefusedEvent | ThreatEvent;
