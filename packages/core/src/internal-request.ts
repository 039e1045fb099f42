/**
 * Requests that the house makes itself, through the application's own handlers and
 * without a network: a cache's refresh, the warming of one. They are messages of Node's
 * own classes on a connection that leads nowhere.
 */
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Request, Response } from 'express';

import { type Clock, systemClock } from './clock.ts';
import { type Exchange, exchangeOf } from './exchange.ts';
import { defineStages } from './stages.ts';

/** What is asked for. */
export interface InternalRequestInit {
  /** @default "GET" */
  readonly method?: string;
  /** Path and query. */
  readonly url: string;
  /** @default { host: "localhost" } */
  readonly headers?: OutgoingHttpHeaders;
  /** Whether it counts as come by HTTPS. @default false */
  readonly encrypted?: boolean;
  /** Whom it counts as coming from. One from loopback may be let in where strangers are not. @default "127.0.0.1" */
  readonly remoteAddress?: string;
  /** Cuts the answer off. */
  readonly signal?: AbortSignal;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

/**
 * Runs a request through `listener`; its body is empty, and that of the answer goes nowhere:
 * who wants it taps the exchange in `prepare`, which is called before the listener. Resolves
 * once the answer is finished or cut off, and never while nobody answers: give a `signal`.
 * Never rejects for what the application does.
 */
export function internalRequest(
  listener: (req: IncomingMessage, res: ServerResponse) => void,
  init: InternalRequestInit,
  prepare: (exchange: Exchange) => void = () => undefined,
): Promise<Exchange> {
  const { signal, clock = systemClock } = init;
  const socket = new Nowhere(init) as unknown as Socket;
  const req = requestOn(socket, init);
  const res = new ServerResponse(req);
  res.assignSocket(socket);
  // A server would take the connection back; this one ends with its only answer.
  res.once('finish', () => socket.destroy());
  const exchange = exchangeOf(req as Request, res as unknown as Response, clock);
  exchange.internal = true;
  return new Promise((resolve, reject) => {
    const cutOff = (): void => void socket.destroy();
    const done = (): void => {
      signal?.removeEventListener('abort', cutOff);
      resolve(exchange);
    };
    exchange.tap(defineStages({ done }));
    signal?.addEventListener('abort', cutOff, { once: true });
    try {
      prepare(exchange);
      listener(req, res);
    } catch (error) {
      socket.destroy();
      reject(error);
    }
    if (signal?.aborted === true) cutOff();
  });
}

function requestOn(socket: Socket, init: InternalRequestInit): IncomingMessage {
  const { method = 'GET', url, headers = { host: 'localhost' } } = init;
  const req = new IncomingMessage(socket);
  req.method = method;
  req.url = url;
  req.httpVersion = '1.1';
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.headersDistinct = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const lines = Array.isArray(value) ? value.map(String) : [String(value)];
    const lower = name.toLowerCase();
    for (const line of lines) req.rawHeaders.push(name, line);
    req.headersDistinct[lower] = lines;
    req.headers[lower] =
      lower === 'set-cookie' ? lines : lines.join(lower === 'cookie' ? '; ' : ', ');
  }
  req.complete = true;
  req.push(null);
  return req;
}

/** A connection that takes everything and brings nothing. */
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
    done();
  }

  override _writev(_chunks: unknown, done: () => void): void {
    done();
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
