/**
 * The response tap: the one place where the house reaches into a response. Stacks
 * of middleware break where each patches `write`, `end` and `writeHead` for itself;
 * here they are replaced once, on the app's own response prototype, and hand the
 * response to the typed stages of `stages.ts`. A response that no stage touches
 * costs one comparison per call.
 *
 * Node's semantics are kept: what a caller may observe of `writeHead`, `write`,
 * `end`, events, back-pressure and errors is the same with and without stages.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { Exchange } from './exchange.ts';
import { hasNoBody } from './response-head.ts';
import {
  captureChunk,
  captureEnd,
  runHeadStages,
  runLastHeadStages,
  transformValue,
} from './response-stages.ts';
import { BODY_STAGES, HEAD_STAGES, TRANSFORM } from './stages.ts';

/**
 * Where a request keeps its exchange; shared by every copy of core. A response finds
 * it by its request: a second mark would cost more than the detour.
 */
export const EXCHANGE: unique symbol = Symbol.for('@org/exchange') as never;
/** Says that a response, or its prototype, carries the tap already. */
const TAPPED: unique symbol = Symbol.for('@org/tapped') as never;

type Callback = (error?: Error | null) => void;
type Headers = OutgoingHttpHeaders | readonly unknown[];

/** The methods that the tap replaces, as loosely typed as Node takes them. */
interface Methods {
  writeHead(status: number, reason?: string | Headers, headers?: Headers): ServerResponse;
  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean;
  end(chunk?: unknown, encoding?: unknown, callback?: unknown): ServerResponse;
  json?(value?: unknown): ServerResponse;
  jsonp?(value?: unknown): ServerResponse;
}

type Tapped = ServerResponse &
  Methods & {
    readonly req: IncomingMessage & { [EXCHANGE]?: Exchange };
    _removedContLen?: boolean;
  };
type Target = object & { [TAPPED]?: true };

/**
 * Makes sure that the response goes through the stages of its exchange. The first
 * response of an Express app has the app's response prototype replaced for good;
 * a response without Express is replaced by itself.
 */
export function tapResponse(res: ServerResponse): void {
  if ((res as Target)[TAPPED] === true) return;
  const prototype = outermostPrototype(res);
  if (prototype === undefined) {
    install(res, Object.getPrototypeOf(res) as Methods);
    return;
  }
  install(prototype, Object.getPrototypeOf(prototype) as Methods);
  // Somebody patched this very response before the tap existed, and holds the methods of then.
  if (Object.hasOwn(res, 'end') || Object.hasOwn(res, 'write') || Object.hasOwn(res, 'writeHead')) {
    const { writeHead, write, end } = res as unknown as Methods;
    install(res, { writeHead, write, end });
  }
}

/** Taps the responses of an app before the first one exists. */
export function tapApplication(app: { readonly response: object }): void {
  if ((app.response as Target)[TAPPED] === true) return;
  install(app.response, Object.getPrototypeOf(app.response) as Methods);
}

/** The response prototype of the outermost Express app, from which those of mounted apps inherit. */
function outermostPrototype(res: ServerResponse): Target | undefined {
  let found: Target | undefined;
  let at = Object.getPrototypeOf(res) as object | null;
  while (at !== null) {
    if (Object.hasOwn(at, 'app')) found = at;
    at = Object.getPrototypeOf(at) as object | null;
  }
  return found;
}

function install(target: Target, below: Methods): void {
  const methods: Methods = {
    writeHead(this: Tapped, status, reason, headers) {
      const exchange = this.req[EXCHANGE];
      if (exchange === undefined || !mayRunHead(exchange, this, status)) {
        return below.writeHead.call(this, status, reason, headers);
      }
      const state = exchange.tapState!;
      mergeHead(this, status, reason, headers);
      runHeadStages(exchange);
      if (state.coding !== undefined) return this;
      return sendHead(this, exchange, below);
    },

    write(this: Tapped, chunk, encoding, callback) {
      const exchange = this.req[EXCHANGE];
      if (exchange === undefined || exchange.stageBits === 0 || !isBody(chunk)) {
        return below.write.call(this, chunk, encoding, callback);
      }
      const state = exchange.tapState!;
      if (state.held) return refuseChunk(this, callbackOf(encoding, callback));
      if (this.finished || this.destroyed) return below.write.call(this, chunk, encoding, callback);
      if ((exchange.stageBits & BODY_STAGES) !== 0) {
        if (!this.headersSent) this.writeHead(this.statusCode);
        if (state.sinks.length > 0) captureChunk(exchange, toBuffer(chunk, encoding));
        if (state.dropped) return swallow(callbackOf(encoding, callback));
        if (state.encoder !== undefined) {
          return state.encoder.write(chunk, encodingOf(encoding), callbackOf(encoding, callback));
        }
      }
      exchange.bytes += byteLength(chunk, encoding);
      return below.write.call(this, chunk, encoding, callback);
    },

    end(this: Tapped, chunk, encoding, callback) {
      const exchange = this.req[EXCHANGE];
      if (exchange === undefined || exchange.stageBits === 0) {
        return below.end.call(this, chunk, encoding, callback);
      }
      if (typeof chunk === 'function') return this.end(undefined, undefined, chunk);
      if (typeof encoding === 'function') return this.end(chunk, undefined, encoding);
      if (exchange.tapState!.held) return refuseEnd(this, chunk, callback);
      if ((exchange.stageBits & BODY_STAGES) === 0) {
        if (isBody(chunk) && !this.finished) exchange.bytes += byteLength(chunk, encoding);
        return below.end.call(this, chunk, encoding, callback);
      }
      if (this.finished || this.destroyed || (Boolean(chunk) && !isBody(chunk))) {
        return below.end.call(this, chunk, encoding, callback);
      }
      return this.headersSent
        ? endStream(this, exchange, below, chunk, encoding, callback)
        : endWhole(
            this,
            exchange,
            below,
            isBody(chunk) ? toBuffer(chunk, encoding) : EMPTY,
            callback,
          );
    },
  };
  for (const name of ['json', 'jsonp'] as const) {
    const original = below[name];
    if (typeof original !== 'function') continue;
    methods[name] = function (this: Tapped, value) {
      const exchange = this.req[EXCHANGE];
      const transformed = exchange !== undefined && (exchange.stageBits & TRANSFORM) !== 0;
      return original.call(this, transformed ? transformValue(exchange, value) : value);
    };
  }
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
  Object.defineProperties(target, {
    [TAPPED]: { value: true, configurable: true },
    headersSent: unlessHeld(target, 'headersSent'),
    writableEnded: unlessHeld(target, 'writableEnded'),
  });
}

/** While the tap holds back what `end` was given, the response has ended all the same for its owner. */
function unlessHeld(target: object, name: 'headersSent' | 'writableEnded'): PropertyDescriptor {
  const below = getterOf(Object.getPrototypeOf(target) as object, name);
  return {
    configurable: true,
    get(this: Tapped): boolean {
      return this.req[EXCHANGE]?.tapState?.held === true || below.call(this);
    },
  };
}

/** The getter that objects with this prototype inherit. */
function getterOf(prototype: object, name: string): (this: object) => boolean {
  let at: object | null = prototype;
  while (at !== null) {
    const getter = Object.getOwnPropertyDescriptor(at, name)?.get;
    if (getter !== undefined) return getter as (this: object) => boolean;
    at = Object.getPrototypeOf(at) as object | null;
  }
  // A response that is no Node response keeps these as plain properties, or has none.
  return function (this: object) {
    return Reflect.get(prototype, name, this) === true;
  };
}

function mayRunHead(exchange: Exchange, res: Tapped, status: number): boolean {
  return (
    (exchange.stageBits & HEAD_STAGES) !== 0 &&
    !exchange.tapState!.headRun &&
    !res.headersSent &&
    // Interim and impossible statuses are for Node alone (RFC 9110 §15.2).
    status >= 200 &&
    status <= 999
  );
}

/** Puts the arguments of `writeHead` where stages look: into the status and the header calls. */
function mergeHead(
  res: Tapped,
  status: number,
  reason: string | Headers | undefined,
  headers: Headers | undefined,
): void {
  const given = typeof reason === 'string' ? headers : (headers ?? reason);
  if (typeof reason === 'string') res.statusMessage = reason;
  res.statusCode = Math.trunc(status);
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries((given as OutgoingHttpHeaders | undefined) ?? {})) {
      if (name !== '') res.setHeader(name, value!);
    }
    return;
  }
  const flat = (Array.isArray(given[0]) ? given.flat(1) : given) as string[];
  if (flat.length % 2 !== 0) {
    throw Object.assign(
      new TypeError(`The argument 'headers' is invalid. Received ${JSON.stringify(given)}`),
      {
        code: 'ERR_INVALID_ARG_VALUE',
      },
    );
  }
  // A name given twice stands on two lines; one that was set before is replaced.
  const seen = new Set<string>();
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at]!;
    const line = seen.has(name.toLowerCase()) ? 'appendHeader' : 'setHeader';
    res[line](name, flat[at + 1]!);
    seen.add(name.toLowerCase());
  }
}

function sendHead(res: Tapped, exchange: Exchange, below: Methods): ServerResponse {
  const state = exchange.tapState!;
  if (state.whole !== undefined) declareLength(res, state.whole.length);
  below.writeHead.call(res, res.statusCode);
  if (state.encoder !== undefined) connectEncoder(res, exchange, below);
  return res;
}

/** Node knows the length of a body that `end` brings whole; the tap sends the head first and must say it. */
function declareLength(res: Tapped, length: number): void {
  const unknown =
    hasNoBody(res.req.method, res.statusCode) ||
    res._removedContLen === true ||
    !res.useChunkedEncodingByDefault ||
    res.hasHeader('Content-Length') ||
    res.hasHeader('Transfer-Encoding') ||
    res.hasHeader('Trailer');
  if (!unknown) res.setHeader('Content-Length', length);
}

function endWhole(
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
  if (state.coding === undefined) {
    exchange.bytes += state.whole.length;
    return below.end.call(
      res,
      state.whole.length === 0 ? undefined : state.whole,
      undefined,
      callback,
    );
  }
  state.held = true;
  if (typeof callback === 'function') res.once('finish', callback as Callback);
  void state.coding.then((coded) => {
    state.held = false;
    if (res.destroyed) return;
    state.whole = coded;
    runLastHeadStages(exchange);
    sendHead(res, exchange, below);
    exchange.bytes += coded.length;
    below.end.call(res, coded);
  });
  return res;
}

function endStream(
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
  if (bytes === undefined) state.encoder.end();
  else state.encoder.end(bytes, encodingOf(encoding));
  return res;
}

/** Sends what an encoder gives; both its back-pressure and the socket's reach the writer. */
function connectEncoder(res: Tapped, exchange: Exchange, below: Methods): void {
  const state = exchange.tapState!;
  const encoder = state.encoder!;
  encoder.on('data', (chunk: Buffer) => {
    exchange.bytes += chunk.length;
    if (!below.write.call(res, chunk)) encoder.pause();
  });
  encoder.on('end', () => {
    state.held = false;
    below.end.call(res);
  });
  encoder.on('drain', () => res.emit('drain'));
  encoder.on('error', (error: Error) => res.destroy(error));
  res.on('drain', () => {
    if (encoder.isPaused()) encoder.resume();
  });
}

function swallow(callback: Callback | undefined): boolean {
  if (callback !== undefined) process.nextTick(callback);
  return true;
}

/** What Node does with a chunk after the end: an error for the callback and for the stream. */
function refuseChunk(res: Tapped, callback: Callback | undefined): boolean {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  process.nextTick(() => {
    callback?.(error);
    if (!res.destroyed) res.emit('error', error);
  });
  return true;
}

function refuseEnd(res: Tapped, chunk: unknown, callback: unknown): ServerResponse {
  const given = callbackOf(undefined, callback);
  if (isBody(chunk)) refuseChunk(res, given);
  else if (given !== undefined) res.once('finish', given);
  return res;
}

function isBody(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' ? chunk !== '' : chunk instanceof Uint8Array;
}

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encodingOf(encoding));
  return Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function byteLength(chunk: string | Uint8Array, encoding: unknown): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encodingOf(encoding)) : chunk.length;
}

function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8';
}

function callbackOf(encoding: unknown, callback: unknown): Callback | undefined {
  const given = typeof encoding === 'function' ? encoding : callback;
  return typeof given === 'function' ? (given as Callback) : undefined;
}

const EMPTY: Buffer = Buffer.alloc(0);
