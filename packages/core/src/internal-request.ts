/**
 * Requests that are made in the process, through the application's own handlers and
 * without a network: a cache's refresh, the warming of one, the parts of a batch. They are
 * messages of Node's own classes on a connection that leads nowhere.
 */
import { AsyncResource } from 'node:async_hooks';
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Request, Response } from 'express';

import { type Clock, systemClock } from './clock.ts';
import { type Exchange, exchangeOf } from './exchange.ts';
import { report } from './report.ts';
import { defineStages } from './stages.ts';

/** What is asked for. */
export interface InternalRequestInit {
  /** @default "GET" */
  readonly method?: string;
  /** Path and query. */
  readonly url: string;
  /** @default { host: "localhost" } */
  readonly headers?: OutgoingHttpHeaders;
  /** Its length is stated by `Content-Length`, whatever `headers` say of it. @default none, and no length */
  readonly body?: Uint8Array;
  /** Whether it is the house's own, which limits do not count; false for one that a client has asked for. @default true */
  readonly internal?: boolean;
  /** Whether it counts as come by HTTPS. @default false */
  readonly encrypted?: boolean;
  /** By what it counts as come: proxies that forward by HTTP/1.0 are told by that. @default "1.1" */
  readonly httpVersion?: '1.0' | '1.1';
  /** Whom it counts as coming from. One from loopback may be let in where strangers are not. @default "127.0.0.1" */
  readonly remoteAddress?: string;
  /** Cuts the answer off. */
  readonly signal?: AbortSignal;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

/**
 * Runs a request through `listener`. The body of the answer goes nowhere: who wants it taps
 * the exchange in `prepare`, which is called before the listener. Resolves
 * once the answer is finished or cut off, and never while nobody answers: give a `signal`.
 * Never rejects for what the application does; a listener that throws is reported, and cut off.
 * @throws what `prepare` throws, as a rejection
 */
export function internalRequest(
  listener: (req: IncomingMessage, res: ServerResponse) => void,
  init: InternalRequestInit,
  prepare: (exchange: Exchange) => void = () => undefined,
): Promise<Exchange> {
  const { signal, internal = true, clock = systemClock } = init;
  const socket = new Nowhere(init) as unknown as Socket;
  const req = requestOn(socket, init);
  const res = new ServerResponse(req);
  res.assignSocket(socket);
  actAsServer(socket, req, res);
  const exchange = exchangeOf(req as Request, res as unknown as Response, clock);
  exchange.internal = internal;
  return new Promise((resolve) => {
    const cutOff = (): void => void socket.destroy();
    const done = (): void => {
      signal?.removeEventListener('abort', cutOff);
      resolve(exchange);
    };
    exchange.tap(defineStages({ done }));
    prepare(exchange);
    if (signal?.aborted === true) {
      cutOff();
      return;
    }
    signal?.addEventListener('abort', cutOff, { once: true });
    try {
      // A context that the listener enters is left behind with it, as a server's is.
      new AsyncResource('internal-request').runInAsyncScope(listener, undefined, req, res);
    } catch (error) {
      report(error, 'internal request', exchange);
      cutOff();
    }
  });
}

/** What Node's server does for a connection around its messages, as far as an application can tell. */
function actAsServer(socket: Socket, req: IncomingMessage, res: ServerResponse): void {
  // The connection ends with its only answer.
  res.once('finish', () => socket.destroy());
  socket.once('close', () => {
    // Of an answered request nobody misses what is unread; one that is cut off is aborted.
    if (req.readableEnded || !res.writableFinished) req.destroy();
    else req.once('end', () => req.destroy()).resume();
  });
  // The reason of a cut is for whoever made it.
  socket.on('error', () => undefined);
  socket.on('drain', () => {
    if (!res.writableEnded) res.emit('drain');
  });
  // Node's own remembers a need that only its server takes back.
  Object.defineProperty(res, 'writableNeedDrain', {
    get: () => !res.destroyed && !res.writableEnded && socket.writableNeedDrain,
  });
}

function requestOn(socket: Socket, init: InternalRequestInit): IncomingMessage {
  const { method = 'GET', url, headers = { host: 'localhost' }, body } = init;
  const { httpVersion = '1.1' } = init;
  const req = new IncomingMessage(socket);
  req.method = method;
  req.url = url;
  req.httpVersion = httpVersion;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = httpVersion === '1.0' ? 0 : 1;
  // A field may bear the name of what every object has, such as `constructor`.
  req.headersDistinct = Object.create(null) as typeof req.headersDistinct;
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (value === undefined || (body !== undefined && FRAMING.has(lower))) continue;
    const lines = Array.isArray(value) ? value.map(String) : [String(value)];
    for (const line of lines) req.rawHeaders.push(name, line);
    const all = (req.headersDistinct[lower] ??= []);
    all.push(...lines);
    req.headers[lower] = lower === 'set-cookie' ? all : all.join(lower === 'cookie' ? '; ' : ', ');
  }
  if (body !== undefined) {
    const length = String(body.byteLength);
    req.rawHeaders.push('Content-Length', length);
    req.headers['content-length'] = length;
    req.headersDistinct['content-length'] = [length];
    if (body.byteLength > 0) req.push(body);
  }
  req.complete = true;
  req.push(null);
  return req;
}

/** How long a body is (RFC 9112 §6): one that is there says it itself. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/**
 * A connection that takes everything and brings nothing. It takes it a turn of the event loop
 * later: who writes without end would otherwise leave no turn to anybody.
 */
class Nowhere extends Duplex {
  readonly remoteAddress: string;
  readonly remoteFamily: string;
  readonly remotePort: number = 0;
  readonly encrypted: boolean;
  readonly authorized: boolean = false;

  constructor({ remoteAddress = '127.0.0.1', encrypted = false }: InternalRequestInit) {
    super();
    this.remoteAddress = remoteAddress;
    this.remoteFamily = remoteAddress.includes(':') ? 'IPv6' : 'IPv4';
    this.encrypted = encrypted;
  }

  override _read(): void {
    // Nothing ever comes.
  }

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    setImmediate(done);
  }

  override _writev(_chunks: unknown, done: () => void): void {
    setImmediate(done);
  }

  address(): object {
    return {};
  }

  setTimeout(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
