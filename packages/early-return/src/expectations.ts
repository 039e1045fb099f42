/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1): a client asks before it sends a body. Node says yes
 * before any handler runs; here the yes waits until the request has passed the edge, so that a
 * refusal comes while nothing has been sent.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Holds back the yes of the servers in its care. */
export class Expectations {
  /** Whether any server is in its care: until then there is nothing to look for. */
  watching: boolean = false;
  private readonly listeners: Map<Server, (req: IncomingMessage, res: ServerResponse) => void> =
    new Map();
  private readonly held: WeakSet<IncomingMessage> = new WeakSet();

  /** Takes a server into its care, unless somebody answers expectations there already. */
  watch(server: Server): void {
    if (server.listenerCount('checkContinue') > 0) return;
    const hold = (req: IncomingMessage, res: ServerResponse): void => {
      this.held.add(req);
      server.emit('request', req, res);
    };
    this.watching = true;
    this.listeners.set(server, hold);
    server.on('checkContinue', hold);
  }

  /** Whether the client still waits for a yes, and has sent nothing. */
  isHeld(req: IncomingMessage): boolean {
    return this.watching && this.held.has(req);
  }

  /** Says yes, where it was held back. */
  go(req: IncomingMessage, res: ServerResponse): void {
    if (this.held.delete(req)) res.writeContinue();
  }

  /** Leaves the servers as they were. */
  release(): void {
    for (const [server, hold] of this.listeners) server.off('checkContinue', hold);
    this.listeners.clear();
  }
}
