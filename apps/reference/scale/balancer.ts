/**
 * A balancer as they are in production: it asks each process whether it is ready, hands requests to
 * those that are by turns, over connections that it keeps, passes WebSockets on, and asks another
 * process only for what cannot have been done.
 */
import { once } from 'node:events';
import {
  Agent,
  createServer,
  get,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** How often readiness is asked for, in ms. */
const CHECK_EVERY_MS = 50;

interface Backend {
  readonly url: URL;
  readonly agent: Agent;
  ready: boolean;
}

/** What a balancer is, to whoever runs one. */
export interface Balancer {
  readonly url: string;
  /** Every connection that broke between it and a process, and every answer it had to make up. */
  readonly faults: readonly string[];
  add(url: string): void;
  /** Forgets a process that has ended. */
  remove(url: string): void;
  /** Resolves when `url` is ready. */
  ready(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one, with nobody behind it yet, on a free port of loopback. */
export async function startBalancer(): Promise<Balancer> {
  const backends: Backend[] = [];
  const faults: string[] = [];
  const sockets = new Set<Duplex>();
  const waiting = new Set<() => void>();
  let turn = 0;

  const check = (): void => {
    for (const backend of backends) {
      void isReady(backend.url).then((ready) => {
        backend.ready = ready;
        for (const look of waiting) look();
      });
    }
  };
  const checks = setInterval(check, CHECK_EVERY_MS);
  const next = (): Backend | undefined => {
    const ready = backends.filter((backend) => backend.ready);
    return ready[turn++ % ready.length];
  };

  const server = createServer((req, res) => forward(req, res, next, faults));
  server.on('upgrade', (req, socket, head) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    tunnel(req, socket, head, next());
  });
  // Clients keep their connections for as long as they like.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    add(url) {
      backends.push({ url: new URL(url), agent: new Agent({ keepAlive: true }), ready: false });
      check();
    },
    remove(url) {
      const at = backends.findIndex((backend) => backend.url.href === new URL(url).href);
      if (at !== -1) for (const { agent } of backends.splice(at, 1)) agent.destroy();
    },
    ready: (url) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = backends.find((backend) => backend.url.href === new URL(url).href);
          if (found?.ready !== true) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async stop() {
      clearInterval(checks);
      for (const { agent } of backends) agent.destroy();
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Hands a request to the next process, and to the one after it if nothing of it has been read. */
function forward(
  req: IncomingMessage,
  res: ServerResponse,
  next: () => Backend | undefined,
  faults: string[],
): void {
  const backend = next();
  const fault = (what: string): void => void faults.push(`${req.method} ${req.url}: ${what}`);
  if (backend === undefined) {
    fault('no process is ready');
    res.writeHead(503).end();
    return;
  }
  const { hostname, port } = backend.url;
  const { connection: _hop, ...headers } = req.headers;
  const onward = request({
    hostname,
    port,
    agent: backend.agent,
    method: req.method,
    path: req.url,
    headers: { ...headers, 'x-forwarded-for': forwardedFor(req) },
  });
  onward.on('error', (error: NodeJS.ErrnoException) => {
    fault(error.code ?? error.message);
    // Nobody listened: the request was not sent, and no word of its body was read.
    if (error.code === 'ECONNREFUSED') {
      backend.ready = false;
      forward(req, res, next, faults);
    } else if (res.headersSent) res.destroy();
    else res.writeHead(502).end();
  });
  onward.on('response', (answer) => {
    const { connection: _own, ...answerHeaders } = answer.headers;
    res.writeHead(answer.statusCode ?? 502, answerHeaders);
    answer.pipe(res);
    answer.on('error', (error) => fault(error.message));
    answer.on('close', () => {
      if (answer.complete) return;
      fault('cut off');
      res.destroy();
    });
  });
  onward.on('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => req.pipe(onward));
    else req.pipe(onward);
  });
  res.on('close', () => {
    if (!res.writableEnded) onward.destroy();
  });
}

/** A WebSocket is bytes in both directions once its request has been passed on. */
function tunnel(
  req: IncomingMessage,
  client: Duplex,
  head: Buffer,
  backend: Backend | undefined,
): void {
  client.on('error', () => undefined);
  if (backend === undefined) {
    client.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
    return;
  }
  const onward = connect(Number(backend.url.port), backend.url.hostname, () => {
    const lines = [`${req.method} ${req.url} HTTP/1.1`];
    for (let at = 0; at < req.rawHeaders.length; at += 2) {
      lines.push(`${req.rawHeaders[at]}: ${req.rawHeaders[at + 1]}`);
    }
    onward.write(`${lines.join('\r\n')}\r\nX-Forwarded-For: ${peerOf(req)}\r\n\r\n`);
    onward.write(head);
    client.pipe(onward).pipe(client);
  });
  onward.on('error', () => client.destroy());
  onward.on('close', () => client.destroy());
  client.on('close', () => onward.destroy());
}

/** Who the client says that it comes from, and where it does. */
function forwardedFor(req: IncomingMessage): string {
  const before = req.headers['x-forwarded-for'];
  return before === undefined ? peerOf(req) : `${String(before)}, ${peerOf(req)}`;
}

function peerOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unknown';
}

function isReady(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    get(new URL('/health/ready', url), { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
