/**
 * The bridge to the OpenTelemetry API, an optional peer that is loaded when it is asked for.
 * What is counted here is observed when the application's SDK collects; durations and sizes of
 * requests, which an SDK has to put into buckets itself, are recorded as requests end.
 */
import type {
  Attributes,
  BatchObservableCallback,
  Histogram,
  Meter,
  Observable,
} from '@opentelemetry/api';

import { type Family, type Labels, type NumberFamily, sampleName } from './family.ts';
import type { HttpRecorder } from './http-recorder.ts';
import type { Instruments } from './instruments.ts';

/** Name of the meter. */
export const METER_NAME = '@org/metrics';

/** @throws Error naming the install command where the API is not installed */
export async function loadMeter(): Promise<Meter> {
  try {
    const { metrics } = await import('@opentelemetry/api');
    return metrics.getMeter(METER_NAME);
  } catch (cause) {
    throw new Error(
      'metrics: option "openTelemetry" needs the OpenTelemetry API; run "npm install @opentelemetry/api".',
      { cause },
    );
  }
}

export class TelemetryBridge {
  private readonly meter: Meter;
  private readonly collect: () => readonly Family[];
  /** By what Prometheus calls their samples: two may have one name, such as `queued` and `queuedTotal`. */
  private readonly observables: Map<string, Observable> = new Map();
  private readonly names: Set<string> = new Set();
  private registered: Observable[] = [];
  private readonly histograms: Map<string, Histogram> = new Map();
  private readonly observe: BatchObservableCallback;

  /** @param collect what is counted here */
  constructor(meter: Meter, collect: () => readonly Family[]) {
    this.meter = meter;
    this.collect = collect;
    this.observe = (result) => {
      const families = this.numbers();
      this.register(families);
      for (const family of families) {
        const observable = this.observables.get(sampleName(family));
        // A family that is new is observed from the next collection on.
        if (observable === undefined) continue;
        for (const { labels, value } of family.samples) result.observe(observable, value, labels);
      }
    };
    this.register(this.numbers());
  }

  /** Records requests, and values of the application's histograms, from now on. */
  listen(http: HttpRecorder, instruments: Instruments, bounds: Bounds): void {
    const duration = this.histogram(
      'http.server.request.duration',
      's',
      'Duration of HTTP server requests.',
      bounds.seconds,
    );
    const request = this.histogram(
      'http.server.request.body.size',
      'By',
      'Size of HTTP server request bodies.',
      bounds.bytes,
    );
    const response = this.histogram(
      'http.server.response.body.size',
      'By',
      'Size of HTTP server response bodies.',
      bounds.bytes,
    );
    // Labels are made once for each series, and so are attributes.
    const attributesByLabels = new WeakMap<Labels, Attributes>();
    http.onRecorded = ({ labels }, seconds, responseBytes, requestBytes) => {
      let attributes = attributesByLabels.get(labels);
      if (attributes === undefined) {
        attributes = attributesOf(labels);
        attributesByLabels.set(labels, attributes);
      }
      duration.record(seconds, attributes);
      response.record(responseBytes, attributes);
      if (requestBytes >= 0) request.record(requestBytes, attributes);
    };
    instruments.onObserved = ({ name, help, bounds: own }, labels, value) => {
      this.histogram(name, '', help, own).record(value, labels);
    };
  }

  close(): void {
    this.meter.removeBatchObservableCallback(this.observe, this.registered);
    this.registered = [];
  }

  private numbers(): readonly NumberFamily[] {
    return this.collect().filter((family): family is NumberFamily => family.kind !== 'histogram');
  }

  private histogram(
    name: string,
    unit: string,
    description: string,
    bounds: readonly number[],
  ): Histogram {
    let histogram = this.histograms.get(name);
    if (histogram === undefined) {
      const advice = { explicitBucketBoundaries: [...bounds] };
      histogram = this.meter.createHistogram(name, { description, unit, advice });
      this.histograms.set(name, histogram);
    }
    return histogram;
  }

  /** A callback can only observe what it was registered with: it is registered anew when something is new. */
  private register(families: readonly NumberFamily[]): void {
    const fresh = families.filter((family) => !this.observables.has(sampleName(family)));
    if (fresh.length === 0) return;
    for (const family of fresh) this.observables.set(sampleName(family), this.create(family));
    this.meter.removeBatchObservableCallback(this.observe, this.registered);
    this.registered = [...this.observables.values()];
    this.meter.addBatchObservableCallback(this.observe, this.registered);
  }

  private create(family: NumberFamily): Observable {
    const { kind, unit, help: description } = family;
    // An instrument has a name of its own: the second of two is called as its samples are.
    const name = this.names.has(family.name) ? sampleName(family) : family.name;
    this.names.add(name);
    if (kind === 'counter') return this.meter.createObservableCounter(name, { unit, description });
    // What adds up over processes is an up-down counter, by the conventions; a level is a gauge.
    if (name === 'http.server.active_requests') {
      return this.meter.createObservableUpDownCounter(name, { unit: '{request}', description });
    }
    return this.meter.createObservableGauge(name, { unit, description });
  }
}

/** Upper ends of buckets. */
interface Bounds {
  readonly seconds: readonly number[];
  readonly bytes: readonly number[];
}

const STATUS = 'http.response.status_code';

/** The conventions have a status as a number. */
function attributesOf(labels: Labels): Attributes {
  const status = labels[STATUS];
  return status === undefined ? labels : { ...labels, [STATUS]: Number(status) };
}
