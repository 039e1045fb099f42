/**
 * Message classes for the server: requests and responses that carry Express'
 * prototypes from birth. On Node 20 and 22 `Object.setPrototypeOf`, which Express
 * calls for every request, throws away V8's inline caches, over half of the
 * request's cost; where the prototype is right already it does nothing. On Node 24
 * and later the plain classes are faster, so there this stays out of the way.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** `auto` chooses by runtime; the other two are for comparing. */
export type MessageClasses = 'auto' | 'express' | 'node';

/** The classes to give to `http.createServer`; none where Node's own serve better. */
export function messageClasses(
  app: Express,
  choice: MessageClasses,
): { IncomingMessage?: typeof IncomingMessage; ServerResponse?: typeof ServerResponse } {
  const major = Number(process.versions.node.split('.')[0]);
  const express = choice === 'express' || (choice === 'auto' && major < 24);
  if (!express) return {};
  return {
    IncomingMessage: bornAs(IncomingMessage, app.request),
    ServerResponse: bornAs(ServerResponse, app.response),
  };
}

/** A class whose instances are Node's own in everything but their prototype. */
function bornAs<T extends object>(base: T, prototype: object): T {
  // Node's message classes are functions: called, they fill an object that exists already.
  // A class would fix its own prototype, and Reflect.construct costs more than it saves.
  const fill = base as unknown as (this: object, ...args: unknown[]) => void;
  function Message(this: object, first: unknown, second: unknown): void {
    fill.call(this, first, second);
  }
  Object.setPrototypeOf(Message, base);
  Message.prototype = prototype;
  return Message as unknown as T;
}
