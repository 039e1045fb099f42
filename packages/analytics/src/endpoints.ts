/**
 * What was asked of each endpoint in some stretch of time: a route's pattern and a method. What
 * no route matched is one bucket, however many addresses a scanner tries; endpoints beyond a
 * number of them are another, so that memory is bounded.
 */
import type { Exchange } from '@org/core';

import { HyperLogLog } from './hyperloglog.ts';
import { LatencySketch, type LatencyState } from './latency-sketch.ts';

/** How a request ended: an exchange that has settled. */
export type Ending = Pick<Exchange, 'aborted' | 'bytes' | 'durationMs'>;

/** What one endpoint had to do. */
export class EndpointNumbers {
  readonly method: string;
  readonly route: string;
  requests: number = 0;
  clientErrors: number = 0;
  serverErrors: number = 0;
  aborted: number = 0;
  bytes: number = 0;
  readonly latency: LatencySketch = new LatencySketch();
  readonly consumers: HyperLogLog = new HyperLogLog();

  constructor(method: string, route: string) {
    this.method = method;
    this.route = route;
  }

  /**
   * What was cut off says when its client left, not how long it took: it has no duration.
   * @param status 0 where it was cut off before there was one
   */
  count(ending: Ending, status: number): void {
    this.requests++;
    this.bytes += ending.bytes;
    if (status >= 500) this.serverErrors++;
    else if (status >= 400) this.clientErrors++;
    if (ending.aborted) this.aborted++;
    else this.latency.add(ending.durationMs);
  }
}

/** Requests that no route matched, or that were refused before one could. */
export interface Unrouted {
  requests: number;
  /** Answered 404 or 405. */
  notFound: number;
  /** Other answers of 400 to 499: refusals, mostly. */
  clientErrors: number;
  serverErrors: number;
  aborted: number;
  bytes: number;
}

/** Of an endpoint: method, route, requests, client errors, server errors, aborted, bytes, latency, consumers. */
export type EndpointState = readonly [
  string,
  string,
  number,
  number,
  number,
  number,
  number,
  LatencyState,
  string,
];

/** Endpoints as they are kept. */
export interface EndpointsState {
  readonly endpoints: readonly EndpointState[];
  /** Those beyond the bound, as one. */
  readonly others: EndpointState | null;
  /** In the order of `Unrouted`. */
  readonly unrouted: readonly [number, number, number, number, number, number];
  readonly upgrades: number;
  /** Everybody who asked for an endpoint. */
  readonly consumers: string;
  /** Requests that were given up on their way here; a few of them may have arrived. */
  readonly lost: number;
}

export class Endpoints {
  readonly unrouted: Unrouted = {
    requests: 0,
    notFound: 0,
    clientErrors: 0,
    serverErrors: 0,
    aborted: 0,
    bytes: 0,
  };
  /** Connections that went on in another protocol, without a route. */
  upgrades: number = 0;
  lost: number = 0;
  others: EndpointNumbers | undefined = undefined;
  readonly consumers: HyperLogLog = new HyperLogLog();
  private readonly maxEndpoints: number;
  /** By route, then by method: two looks into maps, and no key to make. */
  private readonly routes: Map<string, Map<string, EndpointNumbers>> = new Map();
  private size: number = 0;

  constructor(maxEndpoints: number) {
    this.maxEndpoints = maxEndpoints;
  }

  /** The numbers of an endpoint, or, where there are too many endpoints, those of all others. */
  of(method: string, route: string): EndpointNumbers {
    return this.routes.get(route)?.get(method) ?? this.make(method, route);
  }

  countUnrouted(ending: Ending, status: number): void {
    const { unrouted } = this;
    unrouted.requests++;
    unrouted.bytes += ending.bytes;
    if (status === 404 || status === 405) unrouted.notFound++;
    else if (status >= 500) unrouted.serverErrors++;
    else if (status >= 400) unrouted.clientErrors++;
    if (ending.aborted) unrouted.aborted++;
  }

  /** In no particular order, without those beyond the bound. */
  *all(): Generator<EndpointNumbers> {
    for (const methods of this.routes.values()) yield* methods.values();
  }

  /** All requests, whatever they asked for. */
  get requests(): number {
    let sum = this.unrouted.requests + this.upgrades + (this.others?.requests ?? 0);
    for (const { requests } of this.all()) sum += requests;
    return sum;
  }

  merge(state: EndpointsState): void {
    for (const one of state.endpoints) addTo(this.of(one[0], one[1]), one);
    if (state.others !== null) addTo(this.rest(), state.others);
    const { unrouted } = this;
    const [requests, notFound, clientErrors, serverErrors, aborted, bytes] = state.unrouted;
    unrouted.requests += requests;
    unrouted.notFound += notFound;
    unrouted.clientErrors += clientErrors;
    unrouted.serverErrors += serverErrors;
    unrouted.aborted += aborted;
    unrouted.bytes += bytes;
    this.upgrades += state.upgrades;
    this.consumers.merge(state.consumers);
    this.lost += state.lost;
  }

  state(): EndpointsState {
    const { requests, notFound, clientErrors, serverErrors, aborted, bytes } = this.unrouted;
    return {
      endpoints: [...this.all()].map(stateOf),
      others: this.others === undefined ? null : stateOf(this.others),
      unrouted: [requests, notFound, clientErrors, serverErrors, aborted, bytes],
      upgrades: this.upgrades,
      consumers: this.consumers.encode(),
      lost: this.lost,
    };
  }

  private make(method: string, route: string): EndpointNumbers {
    if (this.size >= this.maxEndpoints) return this.rest();
    this.size++;
    const numbers = new EndpointNumbers(method, route);
    const methods = this.routes.get(route);
    if (methods === undefined) this.routes.set(route, new Map([[method, numbers]]));
    else methods.set(method, numbers);
    return numbers;
  }

  private rest(): EndpointNumbers {
    return (this.others ??= new EndpointNumbers('*', '*'));
  }
}

/** Adds what is kept of one endpoint to numbers, which may be those of several. */
export function addTo(numbers: EndpointNumbers, state: EndpointState): void {
  const [, , requests, clientErrors, serverErrors, aborted, bytes, latency, consumers] = state;
  numbers.requests += requests;
  numbers.clientErrors += clientErrors;
  numbers.serverErrors += serverErrors;
  numbers.aborted += aborted;
  numbers.bytes += bytes;
  numbers.latency.merge(latency);
  numbers.consumers.merge(consumers);
}

/** What is kept of an endpoint. */
export function stateOf(numbers: EndpointNumbers): EndpointState {
  const { method, route, requests, clientErrors, serverErrors, aborted, bytes } = numbers;
  const latency = numbers.latency.state();
  const consumers = numbers.consumers.encode();
  return [method, route, requests, clientErrors, serverErrors, aborted, bytes, latency, consumers];
}
