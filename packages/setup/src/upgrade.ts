/**
 * Requests that ask for another protocol (RFC 9110 §7.8). Node hands them over as a bare socket,
 * past everything that answers requests; here they go through the phases up to `protect` first,
 * with a response of their own to be refused with.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Exchange, exchangeOf, type Phase } from '@org/core';
import type { Request, Response } from 'express';

import type { Pipeline } from './pipeline.ts';
import { prepare, type Serving } from './server.ts';

/** What an upgrade passes; behind them stands what works on bodies and answers. */
export const UPGRADE_PHASES: ReadonlySet<Phase> = new Set<Phase>([
  'edge',
  'context',
  'observe',
  'protect',
]);

/** Runs an upgrade through `pipeline`; `admitted` is called where nobody answered. */
export function admitUpgrade(
  serving: Serving,
  pipeline: Pipeline,
  incoming: IncomingMessage,
  socket: Duplex,
  admitted: (exchange: Exchange) => void,
): void {
  const req = incoming as Request;
  const res = new ServerResponse(incoming) as Response;
  // It has no parser any more that could read a next request.
  res.shouldKeepAlive = false;
  res.assignSocket(socket as Socket);
  res.once('finish', () => {
    res.detachSocket(socket as Socket);
    // As Node's own server does behind an answer: observers wait for it.
    res.emit('close');
    socket.end(() => socket.destroy());
  });
  prepare(serving.app, req, res);
  const exchange = exchangeOf(req, res, serving.clock);
  pipeline(exchange, (error) => {
    if (error) {
      serving.lastAnswer()(req, res, error);
      return;
    }
    if (socket.destroyed || res.writableEnded) return;
    res.detachSocket(socket as Socket);
    res.statusCode = 101;
    exchange.upgrade();
    admitted(exchange);
  });
}
