/**
 * Runs the stages of one response in their fixed order. A stage that throws is
 * reported and left out: the answer goes on without it, as if it were not mounted.
 * (`transform` is the exception: it runs inside the handler's own `res.json`.)
 */
import type { Exchange } from './exchange.ts';
import { report } from './report.ts';
import { hasNoBody } from './response-head.ts';
import type { BodySink, EncodedBody, Stages, ValueKind } from './stages.ts';
import { CAPTURE, CONDITIONAL, ENCODE, HEAD, REPLACE, TRANSFORM, UNSENT } from './stages.ts';
import type { TapState } from './tap-state.ts';

/** From a settled status and headers to the head as it will be sent; the body, if it is known, is coded on the way. */
export function runHeadStages(exchange: Exchange): void {
  const state = exchange.tapState!;
  const bits = exchange.stageBits;
  state.headRun = true;
  if ((bits & REPLACE) !== 0) replace(exchange, state);
  if ((bits & CAPTURE) !== 0) capture(exchange, state);
  if ((bits & CONDITIONAL) !== 0) conditional(exchange, state);
  if ((bits & ENCODE) !== 0 && !state.dropped) encode(exchange, state);
  if (state.coding === undefined) runLastHeadStages(exchange);
}

/** The `head` stage: after the coding is known. */
export function runLastHeadStages(exchange: Exchange): void {
  if ((exchange.stageBits & HEAD) === 0) return;
  // The one stage that almost every response runs: a loop of its own, without a closure.
  const { head, tapState } = exchange;
  const { stages } = tapState!;
  for (let at = stages.length - 1; at >= 0; at--) {
    const stage = stages[at]!.head;
    if (stage === undefined) continue;
    try {
      stage(head, exchange);
    } catch (error) {
      report(error, 'head', exchange);
    }
  }
}

/** The `transform` stage; throws what a stage throws. */
export function transformValue(
  exchange: Exchange,
  value: unknown,
  kind: ValueKind = 'whole',
): unknown {
  if ((exchange.stageBits & TRANSFORM) === 0) return value;
  const { stages } = exchange.tapState!;
  let result = value;
  for (let at = stages.length - 1; at >= 0; at--) {
    const { transform } = stages[at]!;
    if (transform !== undefined) result = transform(result, exchange, kind);
  }
  return result;
}

/** The document of an error as the `transform` stages have it. A stage that throws must not cost the answer. */
export function transformProblem(exchange: Exchange, document: object): unknown {
  try {
    return transformValue(exchange, document, 'problem');
  } catch (error) {
    report(error, 'transform', exchange);
    return document;
  }
}

/** Hands a part of the identity body to whoever captures it. */
export function captureChunk(exchange: Exchange, chunk: Buffer): void {
  eachSink(exchange, (sink) => sink.write(chunk));
}

/** The identity body is whole. */
export function captureEnd(exchange: Exchange): void {
  eachSink(exchange, (sink) => sink.end());
  exchange.tapState!.sinks = [];
}

/** Puts a coded whole body in place of the identity one, and makes the head tell of it. */
export function applyCoding(exchange: Exchange, coding: string, body: Uint8Array): Buffer {
  const { head } = exchange;
  announceCoding(exchange, coding);
  eachSink(exchange, (sink) => sink.coded?.(coding, body), exchange.tapState!.captured);
  if (head.has('content-length')) head.set('Content-Length', body.length);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/** The handler ends a response that has been cut off; `chunk` is the last, or the only, part of its body. */
export function runUnsent(exchange: Exchange, chunk: Buffer): void {
  if ((exchange.stageBits & UNSENT) === 0) return;
  const { head, tapState } = exchange;
  // What was written before is not kept by anybody.
  const body = tapState!.lost || tapState!.headRun ? undefined : chunk;
  eachStage(exchange, UNSENT, 'unsent', (stage) => stage.unsent?.(head, body, exchange));
}

function replace(exchange: Exchange, state: TapState): void {
  const { head, req } = exchange;
  const declared = head.get('content-length');
  eachStage(exchange, REPLACE, 'replace', (stage) => {
    const body = stage.replace?.(head, exchange);
    if (body === undefined) return;
    state.whole = body;
    state.replaced = true;
  });
  if (!state.replaced) return;
  // What the handler said of how its own body is sent is not true of this one.
  head.remove('Transfer-Encoding');
  head.remove('Trailer');
  const { length } = state.whole!;
  if (hasNoBody('GET', head.status)) head.remove('Content-Length');
  else if (req.method !== 'HEAD' || length > 0) head.set('Content-Length', length);
  // To HEAD a stage may tell the length that GET would bring, without the body (RFC 9110 §8.6).
  else if (head.get('content-length') === declared) head.remove('Content-Length');
}

function capture(exchange: Exchange, state: TapState): void {
  const sinks: BodySink[] = [];
  eachStage(exchange, CAPTURE, 'capture', (stage) => {
    const sink = stage.capture?.(exchange.head, exchange);
    if (sink !== undefined) sinks.push(sink);
  });
  state.sinks = sinks;
  if (state.whole === undefined) return;
  if (state.whole.length > 0 && !hasNoBody(exchange.req.method, exchange.res.statusCode)) {
    captureChunk(exchange, state.whole);
  }
  captureEnd(exchange);
  state.captured = sinks;
}

function conditional(exchange: Exchange, state: TapState): void {
  const { head, req } = exchange;
  eachStage(exchange, CONDITIONAL, 'conditional', (stage) => {
    if (!state.dropped && stage.conditional?.(head, state.whole, exchange) === true)
      state.dropped = true;
  });
  if (!state.dropped) return;
  if (state.whole !== undefined) state.whole = EMPTY;
  if (state.whole === undefined || hasNoBody(req.method, head.status))
    head.remove('Content-Length');
  else head.set('Content-Length', 0);
}

function encode(exchange: Exchange, state: TapState): void {
  const { head, req } = exchange;
  // `identity` says that there is none (RFC 9110 §8.4.1).
  if (
    (head.get('content-encoding') ?? 'identity') !== 'identity' ||
    (req.method !== 'HEAD' && hasNoBody(req.method, head.status))
  )
    return;
  if (state.whole !== undefined && req.method !== 'HEAD') {
    const identity = state.whole;
    const encoded = firstOf(exchange, ENCODE, 'encode', (stage) =>
      stage.encode?.(head, identity, exchange),
    );
    if (encoded !== undefined) takeEncoded(exchange, state, identity, encoded);
    return;
  }
  const found = firstOf(exchange, ENCODE, 'encode', (stage) => stage.encoder?.(head, exchange));
  if (found === undefined) return;
  announceCoding(exchange, found.coding);
  head.remove('Content-Length');
  // HEAD gets the head that GET would get, and no body to code (RFC 9110 §9.3.2).
  if (req.method === 'HEAD') found.stream.destroy();
  else state.encoder = found;
}

function takeEncoded(
  exchange: Exchange,
  state: TapState,
  identity: Buffer,
  encoded: EncodedBody,
): void {
  const { coding, body } = encoded;
  if (body instanceof Promise) {
    state.coding = body.then(
      (bytes) => (bytes === undefined ? identity : applyCoding(exchange, coding, bytes)),
      (error: unknown) => {
        report(error, 'encode', exchange);
        return identity;
      },
    );
  } else {
    state.whole = applyCoding(exchange, coding, body);
  }
}

/**
 * Another coding is another representation: its validator may not be the same strong one (RFC
 * 9110 §8.8.3.3), and the ranges that the handler serves are those of the identity (§14.2).
 */
function announceCoding(exchange: Exchange, coding: string): void {
  const { head } = exchange;
  head.set('Content-Encoding', coding);
  head.remove('Accept-Ranges');
  const etag = head.get('etag');
  if (typeof etag === 'string' && etag.startsWith('"')) head.set('ETag', `W/${etag}`);
}

/** Calls those that have the stage `bit`, innermost first; one that throws is reported and passed over. */
function eachStage(
  exchange: Exchange,
  bit: number,
  where: string,
  call: (stage: Stages) => void,
): void {
  const { stages } = exchange.tapState!;
  for (let at = stages.length - 1; at >= 0; at--) {
    const stage = stages[at]!;
    if ((stage.bits & bit) === 0) continue;
    try {
      call(stage);
    } catch (error) {
      report(error, where, exchange);
    }
  }
}

function firstOf<T>(
  exchange: Exchange,
  bit: number,
  where: string,
  call: (stage: Stages) => T | undefined,
): T | undefined {
  let found: T | undefined;
  eachStage(exchange, bit, where, (stage) => {
    if (found === undefined) found = call(stage);
  });
  return found;
}

function eachSink(
  exchange: Exchange,
  call: (sink: BodySink) => void,
  sinks: readonly BodySink[] = exchange.tapState!.sinks,
): void {
  for (const sink of sinks) {
    try {
      call(sink);
    } catch (error) {
      report(error, 'capture', exchange);
    }
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
