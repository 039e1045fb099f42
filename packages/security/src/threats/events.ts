/**
 * What the inspection tells of itself as it happens: to `onEvent`, and on the diagnostics
 * channel `@org/security/threats`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

import type { Finding } from './finding.ts';

/** A request in which something was found. */
export interface ThreatEvent {
  readonly type: 'threat';
  readonly findings: readonly Finding[];
  /** Whether the request was refused; under `detect` it goes on. */
  readonly refused: boolean;
  readonly exchange: Exchange;
}

/** Hears events. What it throws is reported, and changes nothing. */
export type OnThreatEvent = (event: ThreatEvent) => void;

/** Name of the diagnostics channel; messages are `ThreatEvent`s. */
export const THREATS_CHANNEL = '@org/security/threats';
