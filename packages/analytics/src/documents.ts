/** What reports look like from outside: the documents that their routes answer. */
import type { DeclaredRoute } from './declared-routes.ts';
import type { Unrouted } from './endpoints.ts';
import type { Estimate, Withheld } from './estimate.ts';
import type { Latency } from './latency-sketch.ts';
import type { Tier } from './tiers.ts';

/** What every report says of itself. */
export interface Told {
  readonly from: string;
  readonly to: string;
  /** Requests to this instance that the store would not take yet: they are missing. */
  readonly pending: number;
}

/** A report before it is sent. */
export type Made<T extends Told> = Omit<T, 'pending'>;

/** Numbers of an endpoint, or of several. */
export interface UseView {
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  /** Server errors among requests. */
  readonly errorRatio: number;
  readonly aborted: number;
  readonly bytes: number;
  readonly latencyMs: Latency;
  /** Different consumers. */
  readonly consumers: Estimate | Withheld;
}

export interface EndpointView extends UseView {
  readonly method: string;
  readonly route: string;
}

export interface Summary extends Told, UseView {
  readonly step: Tier;
  /** Different endpoints that were asked for. */
  readonly endpoints: number;
  /** Requests for endpoints beyond `maxEndpoints`: they are counted above, but by no endpoint. */
  readonly overflowed: number;
  readonly unrouted: Unrouted;
  readonly upgrades: number;
  /** No more requests than this are missing above: what was given up on its way to the store. */
  readonly lost: number;
  /** Where the first row of the period begins; null where there is none. */
  readonly dataFrom: string | null;
  readonly series: readonly (UseView & { readonly at: string })[];
}

export interface Page<T> extends Told {
  readonly items: readonly T[];
  /** The query of the next page; null on the last one. */
  readonly next: string | null;
}

export interface EndpointsReport extends Page<EndpointView> {
  readonly overflowed: number;
  readonly lost: number;
}

export interface PopularReport extends Page<EndpointView & { readonly shareRatio: number }> {
  /** All requests for endpoints. */
  readonly requests: number;
  readonly lost: number;
}

export interface ConsumerView {
  readonly consumer: string;
  /** A network for one day, rather than somebody who is known. */
  readonly anonymous: boolean;
  readonly requests: Estimate;
  /** Answered 400 or more, since the consumer is watched: `atMost` are all its requests. */
  readonly errors: Estimate;
}

export interface ConsumersReport extends Page<ConsumerView> {
  /** All requests of consumers, listed or not. */
  readonly requests: number;
  /** Nobody who is not listed made more requests than this. */
  readonly unlistedAtMost: number;
}

/** What one consumer asked for; numbers too small to be shown are withheld, as those of a group are. */
export interface ConsumerUse {
  readonly requests: Estimate | Withheld;
  /** Answered 400 or more. */
  readonly errors: Estimate | Withheld;
}

export interface ConsumerReport extends Told, ConsumerUse {
  readonly consumer: string;
  readonly step: Tier;
  readonly series: readonly (ConsumerUse & { readonly at: string })[];
}

export interface UnusedReport extends Page<DeclaredRoute> {
  readonly declared: number;
  readonly unused: number;
  readonly dataFrom: string | null;
  /** Requests for endpoints beyond `maxEndpoints`: where there are any, an unused route may be among them. */
  readonly overflowed: number;
}
