/**
 * The connections of one server: which carry a request, and how they end. Nothing
 * here runs per request while the service is up: a connection is noted once, and
 * what it carries is looked up when the drain begins.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, Server as NetServer, type Socket } from 'node:net';
import type { Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';

import { WebSockets } from './web-sockets.ts';

/** A socket of an HTTP/1 server; Node keeps the response that has its turn there, for as long as it is not sent. */
type HttpSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

type AnyServer = Server & {
  /** HTTP/1 servers have it. */
  closeAllConnections?: () => void;
  /** HTTP/2 servers have it. */
  updateSettings?: unknown;
  /** TLS servers have it. */
  setSecureContext?: unknown;
};

/** How much a connection has moved, and since when it has not. */
interface Progress {
  bytes: number;
  sinceMs: number;
}

/** The connections of one server. */
export class Connections {
  readonly webSockets: WebSockets;
  /** Requests that came while draining. */
  lateRequestsTotal: number = 0;
  /** When something last arrived while draining, in monotonic ms. */
  lastArrivalMs: number = Number.NEGATIVE_INFINITY;
  private readonly server: AnyServer;
  private readonly now: () => number;
  private readonly isTls: boolean;
  private readonly sockets = new Set<HttpSocket>();
  /** TCP connections under TLS ones, which may never get as far as a request. */
  private readonly carriers = new Set<Socket>();
  private readonly sessions = new Set<Http2Session>();
  private readonly progress = new WeakMap<HttpSocket, Progress>();
  private draining: boolean = false;

  constructor(server: Server, now: () => number) {
    this.server = server;
    this.now = now;
    this.isTls = this.server.setSecureContext !== undefined;
    this.webSockets = new WebSockets(server);
    server.on('connection', this.onConnection);
    if (this.isTls) server.on('secureConnection', this.onSecureConnection);
    if (this.server.updateSettings !== undefined) server.on('session', this.onSession);
  }

  /** Open connections, upgraded ones among them. */
  get size(): number {
    return (this.isTls ? this.carriers : this.sockets).size;
  }

  /** Whether nothing is left, and nothing new can come. */
  get isEmpty(): boolean {
    return !this.server.listening && this.size === 0;
  }

  /**
   * Stops listening, and has every answer from here on end its connection. Idle connections
   * stay: a client may have sent a request on one that has not arrived.
   */
  drain(): void {
    this.draining = true;
    // Not its own close(): since Node 19 that also closes idle connections.
    if (this.server.listening) NetServer.prototype.close.call(this.server);
    this.server.prependListener('request', this.onLateRequest);
    for (const response of this.responses()) endConnectionWith(response);
    for (const session of this.sessions) session.close();
  }

  /** Requests in flight. One whose client has stopped sending it for `stalledMs` is not. */
  *requests(stalledMs: number): Generator<IncomingMessage> {
    for (const socket of this.sockets) {
      const req = socket._httpMessage?.req;
      if (req !== undefined && !this.isStalled(socket, req, stalledMs)) yield req;
    }
  }

  /** HTTP/2 sessions that are not closed: after GOAWAY, those with open streams. */
  openSessions(): readonly Http2Session[] {
    return [...this.sessions].filter(({ destroyed }) => !destroyed);
  }

  /** Whether a request is in flight, or an answer on its way. */
  isBusy(stalledMs: number): boolean {
    if (!this.requests(stalledMs).next().done) return true;
    if (this.openSessions().length > 0) return true;
    for (const socket of this.sockets) {
      if (socket.writableLength > 0 && !this.webSockets.has(socket)) return true;
    }
    return false;
  }

  /** Cuts what is left, but not those upgraded ones that `spares` leaves to who has yet to close them. */
  destroyAll(spares: (upgraded: Duplex) => boolean): void {
    for (const session of this.sessions) session.destroy();
    this.webSockets.destroy(spares);
    const isSpared = (socket: Socket): boolean => this.webSockets.has(socket) && spares(socket);
    for (const socket of this.sockets) if (!isSpared(socket)) socket.destroy();
    // Of a TLS connection that is spared, what is below it is, too.
    if (!this.webSockets.some(spares)) {
      for (const socket of this.carriers) socket.destroy();
    }
    // Connections from before serve() are the server's own to know.
    this.server.closeAllConnections?.();
    // Ends the server's own timers; the complaint that it does not listen any more goes nowhere.
    this.server.close(() => undefined);
  }

  /** Forgets the server and takes every listener back. */
  release(): void {
    this.server.off('connection', this.onConnection);
    this.server.off('secureConnection', this.onSecureConnection);
    this.server.off('session', this.onSession);
    this.server.off('request', this.onLateRequest);
    this.webSockets.release();
    this.sockets.clear();
    this.carriers.clear();
    this.sessions.clear();
  }

  private *responses(): Generator<ServerResponse> {
    for (const { _httpMessage } of this.sockets) if (_httpMessage != null) yield _httpMessage;
  }

  /** A body that is expected, not held back by its reader, and does not come. */
  private isStalled(socket: HttpSocket, req: IncomingMessage, stalledMs: number): boolean {
    const bytes = socket.bytesRead + socket.bytesWritten;
    const known = this.progress.get(socket);
    const nowMs = this.now();
    if (known === undefined || known.bytes !== bytes) {
      this.progress.set(socket, { bytes, sinceMs: nowMs });
      return false;
    }
    const isHeldBack = req.readableLength >= req.readableHighWaterMark;
    return !req.complete && !isHeldBack && nowMs - known.sinceMs >= stalledMs;
  }

  private readonly onConnection = (socket: Socket): void => {
    this.note(socket, this.isTls ? this.carriers : this.sockets);
  };

  private readonly onSecureConnection = (socket: Socket): void => {
    this.note(socket, this.sockets);
  };

  private note(socket: Socket, set: Set<Socket>): void {
    set.add(socket);
    socket.once('close', () => set.delete(socket));
    if (this.draining) this.lastArrivalMs = this.now();
  }

  private readonly onSession = (session: Http2Session): void => {
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
    if (this.draining) session.close();
  };

  private readonly onLateRequest = (_req: IncomingMessage, res: ServerResponse): void => {
    this.lateRequestsTotal++;
    this.lastArrivalMs = this.now();
    endConnectionWith(res);
  };
}

/** Has the answer say that it is the last on its connection (RFC 9112 §9.6). HTTP/2 has GOAWAY for it. */
function endConnectionWith(res: ServerResponse): void {
  if (!res.headersSent && res.req.httpVersionMajor === 1) res.setHeader('Connection', 'close');
}
