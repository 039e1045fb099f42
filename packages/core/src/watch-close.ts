/** Learns of the end of an exchange by one listener, however many components ask. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Exchange } from './exchange.ts';
import { EXCHANGE } from './tapped.ts';

/** Exchanges on a connection whose response still waits for its turn (HTTP pipelining). */
const WAITING: unique symbol = Symbol.for('@org/waiting') as never;

/** Has the exchange settled when its response closes. Call it once per exchange. */
export function watchClose(exchange: Exchange): void {
  exchange.res.on('close', onClose);
  // A response that never gets its turn on a pipelined connection gets no 'close' either.
  if (exchange.res.socket === null) watchConnection(exchange);
}

function onClose(this: ServerResponse & { req: { [EXCHANGE]?: Exchange } }): void {
  this.req[EXCHANGE]?.settle();
}

function watchConnection(exchange: Exchange): void {
  const socket = exchange.req.socket as Socket & { [WAITING]?: Set<Exchange> };
  let waiting = socket[WAITING];
  if (waiting === undefined) {
    const exchanges = new Set<Exchange>();
    waiting = socket[WAITING] = exchanges;
    socket.once('close', () => {
      for (const one of exchanges) one.settle();
    });
  }
  waiting.add(exchange);
  exchange.res.once('close', () => waiting.delete(exchange));
}
