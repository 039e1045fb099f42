/**
 * A handler whose request somebody else has answered meanwhile, because its time was
 * over. It may go on for long, and nobody waits for it: to it the response stays as it
 * was, open and without a head, and all it does to it goes nowhere. Thrown at, as Node
 * does after the head is sent, it would end in the error handlers, of which Express' last
 * one cuts the connection of a client that has its answer.
 */
import type { ServerResponse } from 'node:http';

import { callbackOf } from './chunk.ts';
import type { Exchange } from './exchange.ts';
import { swallow, swallowEnd } from './response-end.ts';
import { TapState } from './tap-state.ts';
import type { Tapped } from './tapped.ts';

/** What changes a head, and throws once it is sent. */
const HEAD_METHODS = [
  'setHeader',
  'setHeaders',
  'appendHeader',
  'removeHeader',
  'writeHead',
  'flushHeaders',
  'addTrailers',
] as const;

/**
 * Detaches the handler from a response that has been answered in its place; call it once
 * that answer has been given. `onLateWrite` hears of each body, or part of one, that the
 * handler still writes.
 */
export function abandon(exchange: Exchange, onLateWrite: () => void = () => undefined): void {
  if (exchange.abandoned) return;
  exchange.abandoned = true;
  const state = (exchange.tapState ??= new TapState());
  state.detached = detachable(exchange, onLateWrite);
  state.detached.detach();
}

/** Two faces of one response: as it is, for the tap, and as the handler sees it. */
export interface Detached {
  detach(): void;
  /** Gives the response back to the tap, which has a head to finish. */
  attach(): void;
}

function detachable(exchange: Exchange, onLateWrite: () => void): Detached {
  const res = exchange.res as unknown as Tapped;
  const { statusCode, statusMessage } = res;
  const face: PropertyDescriptorMap = {
    headersSent: { get: () => false },
    // Those who observe are told the status that was sent.
    statusCode: { get: () => statusCode, set: () => undefined },
    statusMessage: { get: () => statusMessage, set: () => undefined },
    write: {
      value(_chunk: unknown, encoding: unknown, callback: unknown): boolean {
        onLateWrite();
        return swallow(res, exchange, callbackOf(encoding, callback));
      },
    },
    end: {
      value(...given: readonly unknown[]): ServerResponse {
        onLateWrite();
        return swallowEnd(
          res,
          given.find((one) => typeof one === 'function'),
        );
      },
    },
  };
  for (const name of HEAD_METHODS) face[name] = { value: (): ServerResponse => res };
  for (const descriptor of Object.values(face)) descriptor.configurable = true;
  return {
    detach: () => void Object.defineProperties(res, face),
    attach() {
      for (const name of Object.keys(face)) Reflect.deleteProperty(res, name);
      Object.assign(res, { statusCode, statusMessage });
    },
  };
}
