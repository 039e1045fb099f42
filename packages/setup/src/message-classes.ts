/**
 * Message classes for the server: requests and responses that carry Express'
 * prototypes from birth. `Object.setPrototypeOf`, which Express calls for every
 * request, costs 2.5 us on Node 24, and on Node 20 and 22 throws away V8's inline
 * caches, over half of the request's cost; where the prototype is right already it
 * does nothing.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** `node` is for comparing, and for whoever wants Node's own. */
export type MessageClasses = 'express' | 'node';

/** The classes to give to `http.createServer`; none where Node's own are to be used. */
export function messageClasses(
  app: Express,
  choice: MessageClasses,
): { IncomingMessage?: typeof IncomingMessage; ServerResponse?: typeof ServerResponse } {
  if (choice === 'node' || isClass(IncomingMessage) || isClass(ServerResponse)) return {};
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

/** Node may make classes of its functions one day, and those cannot be called to fill an object. */
function isClass(base: object): boolean {
  return Function.prototype.toString.call(base).startsWith('class');
}
