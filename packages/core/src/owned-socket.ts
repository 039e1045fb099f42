/**
 * Connections that went over to another protocol and whose component ends them itself, with more to
 * say than that the server goes away: whoever ends a service leaves them to it until it has closed.
 */
import type { Duplex } from 'node:stream';

/** On the socket itself: there may be two copies of core. */
const OWNED: unique symbol = Symbol.for('@org/owned-socket') as never;

/** Says that a component ends this connection when it is closed. */
export function ownSocket(socket: Duplex): void {
  (socket as { [OWNED]?: true })[OWNED] = true;
}

/** Whether a component ends this connection when it is closed. */
export function isOwnedSocket(socket: Duplex): boolean {
  return (socket as { readonly [OWNED]?: true })[OWNED] === true;
}
