/**
 * What a request, a job or a socket brings: its id, its place in a trace, its baggage.
 * How much of it is taken over is the trust policy's to say; what is not there, or not
 * valid, begins anew.
 */
import { type Exchange, stateKey, type StateKey, type TraceContext } from '@org/core';

import type { B3 } from './b3.ts';
import { Baggage, type BaggageLimits } from './baggage.ts';
import { type Carrier, fieldsOf } from './carrier.ts';
import type { Extracted, Linked } from './correlated.ts';
import type { CorrelationOptions } from './options.ts';
import { extractTrace, type Format, type Get, marksOf } from './propagation.ts';
import type { RandomIds } from './random-ids.ts';
import { type AcceptsId, idCheck, idMaker } from './request-id.ts';
import { beginTrace, continueTrace, type Sampler, sampler } from './trace.ts';
import { trustDecision, type TrustPolicy } from './trust.ts';

/** Reads what comes in, for one instance. */
export class Incoming {
  readonly counts: Record<
    | 'idsAcceptedTotal'
    | 'idsReplacedTotal'
    | 'tracesContinuedTotal'
    | 'tracesBegunTotal'
    | 'tracesRefusedTotal',
    number
  > = {
    idsAcceptedTotal: 0,
    idsReplacedTotal: 0,
    tracesContinuedTotal: 0,
    tracesBegunTotal: 0,
    tracesRefusedTotal: 0,
  };
  readonly linkedKey: StateKey<Linked> = stateKey('correlation linked');
  readonly baggageKey: StateKey<Baggage> = stateKey('correlation baggage');
  readonly limits: BaggageLimits;
  private readonly header: string;
  private readonly traces: boolean;
  private readonly passesBaggage: boolean;
  /** The exchange makes a UUID for itself, once somebody reads its id. */
  private readonly namesAll: boolean;
  private readonly formats: readonly Format[];
  private readonly marks: readonly string[];
  private readonly accepts: AcceptsId;
  private readonly makeId: (exchange?: Exchange) => string;
  private readonly samples: Sampler;
  private readonly decide: (exchange: Exchange) => TrustPolicy;
  private readonly ids: RandomIds;

  constructor(settings: Readonly<CorrelationOptions>, ids: RandomIds) {
    this.header = settings.header.toLowerCase();
    this.traces = settings.trace;
    this.limits = {
      keys: [...settings.baggage],
      maxMembers: settings.baggageMaxMembers,
      maxBytes: settings.baggageMaxBytes,
    };
    this.passesBaggage = settings.baggage.length > 0;
    this.namesAll = settings.ids !== 'uuid';
    this.formats = [...settings.extract];
    this.marks = marksOf(this.formats);
    this.accepts = idCheck(settings.maxLength);
    this.makeId = idMaker(settings.ids, this.accepts);
    this.samples = sampler(settings.sampleRatio);
    this.decide = trustDecision(settings.trust);
    this.ids = ids;
  }

  /** Names the exchange and finds its place; `active` is a tracer's, and then it is the place. */
  enter(exchange: Exchange, active: TraceContext | undefined): void {
    const { headers } = exchange.req;
    const givenId = headers[this.header] as string | undefined;
    const traced = this.traces && this.hasTrace(headers);
    const field = this.passesBaggage ? (headers.baggage as string | undefined) : undefined;
    if (givenId !== undefined || traced || field !== undefined) {
      this.takeOver(exchange, givenId, traced, field, active);
      return;
    }
    // Most requests bring nothing, and cost their ids only.
    if (this.namesAll) exchange.id = this.makeId(exchange);
    if (this.traces) exchange.trace = active ?? this.begin(undefined);
  }

  /** Reads a carrier that is no request. */
  extract(carrier: Carrier, policy: TrustPolicy): Extracted {
    const { get } = fieldsOf(carrier);
    const givenId = get(this.header);
    const traced = this.marks.some((name) => get(name) !== undefined);
    const baggage = new Baggage(this.limits);
    const field = get('baggage');
    if (policy === 'continue' && field !== undefined) baggage.read(field);
    const taken = policy === 'continue' && givenId !== undefined && this.accepts(givenId);
    return {
      id: taken ? givenId : this.makeId(),
      trace: this.traces ? this.place(traced ? this.read(get) : undefined, policy) : undefined,
      baggage,
    };
  }

  /** A caller brought something: what becomes of it depends on who it is. */
  private takeOver(
    exchange: Exchange,
    givenId: string | undefined,
    traced: boolean,
    field: string | undefined,
    active: TraceContext | undefined,
  ): void {
    const { headers } = exchange.req;
    const policy = this.decide(exchange);
    const harmless = givenId !== undefined && this.accepts(givenId);
    if (harmless && policy === 'continue') {
      this.counts.idsAcceptedTotal++;
      exchange.id = givenId;
    } else {
      if (givenId !== undefined) this.counts.idsReplacedTotal++;
      if (this.namesAll) exchange.id = this.makeId(exchange);
    }
    const remote = traced ? this.read((name) => headers[name] as string | undefined) : undefined;
    if (this.traces) exchange.trace = active ?? this.place(remote, policy);
    if (policy === 'link') {
      exchange.setState(this.linkedKey, {
        id: harmless ? givenId : undefined,
        trace: remote?.traceId === undefined ? undefined : remote,
      });
    }
    if (field !== undefined && policy === 'continue') {
      const baggage = new Baggage(this.limits);
      baggage.read(field);
      exchange.setState(this.baggageKey, baggage);
    }
  }

  private hasTrace(headers: Exchange['req']['headers']): boolean {
    for (const mark of this.marks) if (headers[mark] !== undefined) return true;
    return false;
  }

  private read(get: Get): B3 | undefined {
    const remote = extractTrace(get, this.formats);
    if (remote === undefined) this.counts.tracesRefusedTotal++;
    return remote;
  }

  private place(remote: B3 | undefined, policy: TrustPolicy): TraceContext {
    if (remote === undefined || policy !== 'continue') return this.begin(undefined);
    // B3 may bring no place, and only say whether to record.
    if (remote.traceId === undefined) return this.begin(remote.sampled);
    this.counts.tracesContinuedTotal++;
    return continueTrace(this.ids, this.samples, remote);
  }

  private begin(sampled: boolean | undefined): TraceContext {
    this.counts.tracesBegunTotal++;
    return beginTrace(this.ids, this.samples, sampled);
  }
}
