/**
 * WebSockets by their sockets: who was upgraded, and how to tell them that the
 * server goes away. A library that made them may do better and knows more; this
 * works for all of them.
 */
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { isOwnedSocket } from '@org/core';

type Upgraded = Duplex & { readonly bytesWritten?: number };

interface Upgrade {
  readonly isWebSocket: boolean;
  /** Bytes that the socket had sent when it was upgraded: more later means that the handshake was answered. */
  readonly sentBefore: number;
  told: boolean;
}

/** A close frame with the status 1001, "going away" (RFC 6455 §5.5.1, §7.4.1); a server's frames are not masked (§5.1). */
const GOING_AWAY: Buffer = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** The upgraded connections of one server. */
export class WebSockets {
  private readonly server: Server;
  private readonly upgrades = new Map<Upgraded, Upgrade>();
  private listening: boolean = false;

  constructor(server: Server) {
    this.server = server;
    server.on('newListener', this.onNewListener);
    server.on('removeListener', this.onRemoveListener);
    if (server.listenerCount('upgrade') > 0) this.listen();
  }

  get size(): number {
    return this.upgrades.size;
  }

  has(socket: Duplex): boolean {
    return this.upgrades.has(socket);
  }

  /**
   * Sends the close frame to whoever has not got it yet, and has no component that says more. A
   * connection whose handshake is not answered cannot be told.
   */
  tellGoingAway(): void {
    for (const [socket, upgrade] of this.upgrades) {
      const isOpen = (socket.bytesWritten ?? 0) > upgrade.sentBefore && socket.writable;
      if (upgrade.told || !upgrade.isWebSocket || !isOpen || isOwnedSocket(socket)) continue;
      upgrade.told = true;
      socket.write(GOING_AWAY);
    }
  }

  /** Cuts all but those that are spared. */
  destroy(isSpared: (socket: Duplex) => boolean): void {
    for (const socket of this.upgrades.keys()) if (!isSpared(socket)) socket.destroy();
  }

  some(test: (socket: Duplex) => boolean): boolean {
    for (const socket of this.upgrades.keys()) if (test(socket)) return true;
    return false;
  }

  release(): void {
    this.server.off('newListener', this.onNewListener);
    this.server.off('removeListener', this.onRemoveListener);
    this.server.off('upgrade', this.onUpgrade);
    this.upgrades.clear();
  }

  /** A server with a listener for upgrades leaves them to it: ours may only be there beside another. */
  private readonly onNewListener = (event: string | symbol): void => {
    if (event === 'upgrade' && !this.listening) this.listen();
  };

  private readonly onRemoveListener = (event: string | symbol): void => {
    if (event !== 'upgrade' || !this.listening || this.server.listenerCount('upgrade') > 1) return;
    this.listening = false;
    this.server.off('upgrade', this.onUpgrade);
  };

  private listen(): void {
    this.listening = true;
    this.server.prependListener('upgrade', this.onUpgrade);
  }

  private readonly onUpgrade = (req: IncomingMessage, socket: Upgraded): void => {
    this.upgrades.set(socket, {
      isWebSocket: req.headers.upgrade?.toLowerCase() === 'websocket',
      sentBefore: socket.bytesWritten ?? 0,
      told: false,
    });
    socket.once('close', () => this.upgrades.delete(socket));
  };
}
