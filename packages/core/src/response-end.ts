/**
 * How a tapped response leaves: the head with what the stages made of it, a whole
 * body in one piece, a coded one when its coding is ready, and parts through an
 * encoder, with the back-pressure of both sides kept.
 */
import type { ServerResponse } from 'node:http';

import { byteLength, type Callback, callbackOf, encodingOf, isBody, toBuffer } from './chunk.ts';
import type { Exchange } from './exchange.ts';
import { hasNoBody } from './response-head.ts';
import { captureChunk, captureEnd, runLastHeadStages } from './response-stages.ts';
import type { Methods, Tapped } from './tapped.ts';

/** Hands the head to Node; the stages have run. */
export function sendHead(res: Tapped, exchange: Exchange, below: Methods): ServerResponse {
  const state = exchange.tapState!;
  if (state.whole !== undefined) declareLength(res, state.whole.length);
  below.writeHead.call(res, res.statusCode);
  if (state.encoder !== undefined) connectEncoder(res, exchange, below);
  return res;
}

/** `end` brought the body in one piece, or none. */
export function endWhole(
  res: Tapped,
  exchange: Exchange,
  below: Methods,
  body: Buffer,
  callback: unknown,
): ServerResponse {
  const state = exchange.tapState!;
  state.whole = body;
  // Through the response itself, so that those who wait for the head elsewhere are heard first.
  res.writeHead(res.statusCode);
  return sendWhole(res, exchange, below, callback);
}

/** The handler's head has been replaced, and the whole answer is known: nothing more is waited for. */
export function endReplaced(res: Tapped, exchange: Exchange, below: Methods): ServerResponse {
  if (exchange.tapState!.coding === undefined) sendHead(res, exchange, below);
  return sendWhole(res, exchange, below, undefined);
}

/** Sends a body that is whole, when its coding is ready. */
function sendWhole(
  res: Tapped,
  exchange: Exchange,
  below: Methods,
  callback: unknown,
): ServerResponse {
  const state = exchange.tapState!;
  const { whole } = state;
  if (state.coding === undefined) {
    // Node may be told to throw at a body where none may be; the handler's would be its own fault.
    const none = state.replaced && hasNoBody(res.req.method, res.statusCode);
    exchange.bytes += whole!.length;
    return below.end.call(
      res,
      none || whole!.length === 0 ? undefined : whole,
      undefined,
      callback,
    );
  }
  state.held = true;
  if (typeof callback === 'function') res.once('finish', callback as Callback);
  void state.coding.then((coded) => {
    state.held = false;
    if (res.destroyed) return;
    state.detached?.attach();
    state.whole = coded;
    runLastHeadStages(exchange);
    sendHead(res, exchange, below);
    exchange.bytes += coded.length;
    below.end.call(res, coded);
    state.detached?.detach();
  });
  return res;
}

/** `end` closes a body that came in parts. */
export function endStream(
  res: Tapped,
  exchange: Exchange,
  below: Methods,
  chunk: unknown,
  encoding: unknown,
  callback: unknown,
): ServerResponse {
  const state = exchange.tapState!;
  const bytes = isBody(chunk) ? chunk : undefined;
  if (bytes !== undefined && state.sinks.length > 0)
    captureChunk(exchange, toBuffer(bytes, encoding));
  captureEnd(exchange);
  if (state.dropped) return below.end.call(res, undefined, undefined, callback);
  if (state.encoder === undefined) {
    if (bytes !== undefined) exchange.bytes += byteLength(bytes, encoding);
    return below.end.call(res, bytes, encoding, callback);
  }
  state.held = true;
  if (typeof callback === 'function') res.once('finish', callback as Callback);
  if (bytes === undefined) state.encoder.stream.end();
  else state.encoder.stream.end(bytes, encodingOf(encoding));
  return res;
}

/**
 * A chunk of a body that is dropped or replaced. The writer goes on in another turn of the event
 * loop: one that never ends would otherwise leave no turn to send anything.
 */
export function swallow(res: Tapped, exchange: Exchange, callback: Callback | undefined): boolean {
  const state = exchange.tapState!;
  if (callback !== undefined) setImmediate(callback);
  if (!state.draining) {
    state.draining = true;
    setImmediate(() => {
      state.draining = false;
      res.emit('drain');
    });
  }
  return false;
}

/** The end of a body that has been replaced. */
export function swallowEnd(res: Tapped, callback: unknown): ServerResponse {
  if (typeof callback === 'function') {
    if (res.writableFinished) process.nextTick(callback);
    else res.once('finish', callback as Callback);
  }
  return res;
}

/** What Node does with a chunk after the end: an error for the callback and for the stream. */
export function refuseChunk(res: Tapped, callback: Callback | undefined): boolean {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  process.nextTick(() => {
    callback?.(error);
    if (!res.destroyed) res.emit('error', error);
  });
  return true;
}

/** What Node does with a head after the head. */
export function refuseHead(): never {
  throw Object.assign(new Error('Cannot write headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  });
}

/** A second `end` while the first is held back. */
export function refuseEnd(res: Tapped, chunk: unknown, callback: unknown): ServerResponse {
  const given = callbackOf(undefined, callback);
  if (isBody(chunk)) refuseChunk(res, given);
  else if (given !== undefined) res.once('finish', given);
  return res;
}

/** Node knows the length of a body that `end` brings whole; the tap sends the head first and must say it. */
function declareLength(res: Tapped, length: number): void {
  const unknown =
    hasNoBody(res.req.method, res.statusCode) ||
    res._removedContLen === true ||
    !res.useChunkedEncodingByDefault ||
    res.hasHeader('content-length') ||
    res.hasHeader('transfer-encoding') ||
    res.hasHeader('trailer');
  if (!unknown) res.setHeader('Content-Length', length);
}

/** Sends what an encoder gives; both its back-pressure and the socket's reach the writer. */
function connectEncoder(res: Tapped, exchange: Exchange, below: Methods): void {
  const state = exchange.tapState!;
  const { stream: encoder } = state.encoder!;
  encoder.on('data', (chunk: Buffer) => {
    exchange.bytes += chunk.length;
    if (!below.write.call(res, chunk)) encoder.pause();
  });
  encoder.on('end', () => {
    state.held = false;
    below.end.call(res);
  });
  encoder.on('error', (error: Error) => res.destroy(error));
  // The writer waits for the encoder to take more; the socket's drain is the encoder's to hear.
  const { emit } = res;
  encoder.on('drain', () => emit.call(res, 'drain'));
  res.emit = function (event: string, ...given: unknown[]): boolean {
    if (event !== 'drain') return emit.call(res, event, ...given);
    if (encoder.isPaused()) encoder.resume();
    return true;
  };
}
