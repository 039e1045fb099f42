/**
 * Requests that ask to become a WebSocket, as a server hands them over: a bare socket, past
 * everything that answers requests. Here each becomes a request again, with a response to be
 * refused with: under a whole it runs through the phases up to `protect`, alone through the app of
 * the server, down to where `app.use` has put us. What is not for us is answered, too, since
 * otherwise nobody would, and its connection would stay open.
 */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerProblem, type Exchange, type Host, ProblemError } from '@org/core';
import type { Request, Response } from 'express';

/** A request that asks to become a WebSocket. */
export interface Asking {
  readonly socket: Socket;
  /** What has come behind the request already. */
  readonly head: Buffer;
  /** Whether it asks for our address. */
  readonly isOurs: boolean;
  /** Where no whole admits it: its response. */
  readonly response: ServerResponse | undefined;
}

/** What the paths of all our instances on a server are kept under: who is not ours may be another's. */
const PATHS: unique symbol = Symbol.for('@org/websocket-paths') as never;

type Listened = Server & { [PATHS]?: string[] };

/** How upgrades are received. */
export interface UpgradesSettings {
  readonly path: string;
  readonly refuseOthers: boolean;
  /** Called where the phases of a whole have let one through. */
  onAdmitted(exchange: Exchange): void;
}

export class Upgrades {
  private readonly settings: UpgradesSettings;
  private readonly asking: WeakMap<IncomingMessage, Asking> = new WeakMap();
  private readonly servers: Map<Listened, (...args: never) => void> = new Map();

  constructor(settings: UpgradesSettings) {
    this.settings = settings;
  }

  /** The upgrade that a request is; nothing for others. */
  of(req: IncomingMessage): Asking | undefined {
    return req.headers.upgrade === undefined ? undefined : this.asking.get(req);
  }

  /** Whether a server takes new connections still. */
  get areListening(): boolean {
    return [...this.servers.keys()].some(({ listening }) => listening);
  }

  /** Receives the upgrades of a server; under a whole, through it. Once for each server. */
  listen(server: Listened, host?: Host): void {
    if (this.servers.has(server)) return;
    const onUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void =>
      this.receive(server, host, req, socket as Socket, head);
    this.servers.set(server, onUpgrade);
    (server[PATHS] ??= []).push(this.settings.path);
    server.on('upgrade', onUpgrade);
    server.once('close', () => this.leave(server));
  }

  /** Lets go of every server. */
  release(): void {
    for (const server of this.servers.keys()) this.leave(server);
  }

  private leave(server: Listened): void {
    const onUpgrade = this.servers.get(server);
    if (onUpgrade === undefined) return;
    this.servers.delete(server);
    server.off('upgrade', onUpgrade as never);
    const paths = server[PATHS]!;
    paths.splice(paths.indexOf(this.settings.path), 1);
  }

  private receive(
    server: Listened,
    host: Host | undefined,
    req: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): void {
    const { path, refuseOthers } = this.settings;
    const asked = pathOf(req.url ?? '');
    const isOurs = asked === path;
    if (!isOurs) {
      const paths = server[PATHS]!;
      // Another instance takes it, or the first of us answers for all.
      if (paths.includes(asked) || paths[0] !== path || !refuseOthers) return;
    }
    // Node takes its own listener away with the parser: a reset would end the process.
    socket.on('error', ignore);
    if (hasBody(req)) {
      // There is no parser any more that could read it.
      answerProblem(responseFor(req, socket), withBody());
      return;
    }
    if (req.headers.upgrade?.toLowerCase() !== 'websocket') {
      // RFC 9110 §7.8: an Upgrade may be ignored; `curl --http2` asks with every request.
      const response = responseFor(req, socket);
      if (host === undefined) server.emit('request', req, response);
      else host.handle(req, response);
      return;
    }
    if (host === undefined) {
      const response = responseFor(req, socket);
      this.asking.set(req, { socket, head, isOurs, response });
      server.emit('request', req, response);
      return;
    }
    this.asking.set(req, { socket, head, isOurs, response: undefined });
    host.admitUpgrade(req, socket, (exchange) => this.settings.onAdmitted(exchange));
  }
}

/** Ends the exchange of an upgrade that no whole admits: its connection goes on as a WebSocket. */
export function handOver(exchange: Exchange, { socket }: Asking): void {
  const { res } = exchange;
  res.detachSocket(socket);
  res.statusCode = 101;
  exchange.upgrade();
}

/** The answer to an upgrade for an address that nobody has. */
export function noSocketHere(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_FOUND',
    status: 404,
    detail: 'There is no WebSocket at this address.',
  });
}

/** A response on a socket that has lost its parser: the connection ends with it. */
function responseFor(req: IncomingMessage, socket: Socket): Response {
  const res = new ServerResponse(req) as Response;
  res.req = req as Request;
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => {
    res.detachSocket(socket);
    // As Node's server does where it keeps the connection: an exchange ends with it.
    res.emit('close');
    socket.end(() => socket.destroy());
  });
  return res;
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function withBody(): ProblemError {
  return new ProblemError({
    code: 'ERR_WEBSOCKET_HANDSHAKE',
    status: 400,
    detail: 'A request that asks for an upgrade must not have a body.',
  });
}

function ignore(): void {
  // The socket's end is told by `close`.
}
