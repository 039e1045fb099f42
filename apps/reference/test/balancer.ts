/**
 * A balancer as they are in production: it asks each process whether it is ready, hands requests to
 * those that are, over connections that it keeps, and does not ask again what may have been done.
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
import type { AddressInfo } from 'node:net';

/** How often readiness is asked for, in ms. */
const CHECK_EVERY_MS = 50;

interface Backend {
  readonly url: URL;
  readonly agent: Agent;
  ready: boolean;
}

export interface Balancer {
  readonly url: string;
  /** What went wrong between the balancer and a process, as clients would have seen it. */
  readonly faults: readonly string[];
  add(url: string): void;
  /** Forgets a process that has ended. */
  remove(url: string): void;
  /** Resolves when `url` is ready. */
  ready(url: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  const backends: Backend[] = [];
  const faults: string[] = [];
  const waiting: (() => void)[] = [];
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

  const server = createServer((req, res) => {
    const ready = backends.filter((backend) => backend.ready);
    const backend = ready[turn++ % ready.length];
    if (backend === undefined) {
      faults.push(`${req.method} ${req.url}: no process is ready`);
      res.writeHead(503).end();
      return;
    }
    forward(req, res, backend, (what) => faults.push(`${req.method} ${req.url}: ${what}`));
  });
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
      for (const { agent } of backends.splice(at, 1)) agent.destroy();
    },
    ready: (url) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = backends.find((backend) => backend.url.href === new URL(url).href);
          if (found?.ready !== true) return;
          waiting.splice(waiting.indexOf(look), 1);
          resolve();
        };
        waiting.push(look);
        look();
      }),
    async stop() {
      clearInterval(checks);
      for (const { agent } of backends) agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(
  req: IncomingMessage,
  res: ServerResponse,
  { url, agent }: Backend,
  fail: (what: string) => void,
): void {
  const { hostname, port } = url;
  const { connection: _hop, ...headers } = req.headers;
  const onward = request({ hostname, port, agent, method: req.method, path: req.url, headers });
  onward.on('error', (error: NodeJS.ErrnoException) => {
    fail(error.code ?? error.message);
    if (res.headersSent) res.destroy();
    else res.writeHead(502).end();
  });
  onward.on('response', (answer) => {
    const { connection: _own, ...answerHeaders } = answer.headers;
    res.writeHead(answer.statusCode ?? 502, answerHeaders);
    answer.pipe(res);
    answer.on('error', (error) => fail(error.message));
    answer.on('close', () => {
      if (answer.complete) return;
      fail('cut off');
      res.destroy();
    });
  });
  res.on('close', () => {
    if (!res.writableEnded) onward.destroy();
  });
  req.pipe(onward);
}

function isReady(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    get(new URL('/health/ready', url), { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
