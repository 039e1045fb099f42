/** One process' worth of a service: an app on a real socket, and a store of its own. */
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import {
  Agent,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  request,
  type Server,
} from 'node:http';
import { answerProblem, type Component, type Given, ProblemError } from '@org/core';
import { type RedisStore, redisStore, type RedisStoreOptions } from '@org/redis';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';

export interface Service {
  readonly url: string;
  readonly server: Server;
  /** Ends the service, then what it uses, the last first. */
  close(): Promise<void>;
}

/** Connects a store, whatever comes of it. */
export async function connectedStore(address: Given<RedisStoreOptions>): Promise<RedisStore> {
  const store = redisStore(address);
  await store.start();
  return store;
}

/** Serves what `build` adds to an app; `uses` are closed behind it. */
export async function serve(
  build: (app: Express) => void,
  uses: readonly Partial<Pick<Component, 'close'>>[],
): Promise<Service> {
  const app = express();
  build(app);
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    if (error instanceof ProblemError) answerProblem(res, error);
    else res.status(500).json({ error: String(error) });
  });
  const server = app.listen(0, '127.0.0.1');
  keepOpen(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async close() {
      server.close();
      server.closeAllConnections();
      for (const used of uses) await used.close?.(AbortSignal.timeout(5000));
    },
  };
}

/** A connection that its server ends while it is being used again is no fault of a store. */
export function keepOpen(server: Server): void {
  server.keepAliveTimeout = 600_000;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Processes of one service have one name, whichever of them is asked. */
const HOST = 'service.example';
const agent = new Agent({ keepAlive: true });

/** Asks, and reads the whole answer. Rejects where there is none. */
export function ask(
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: OutgoingHttpHeaders; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = { ...headers, ...length, host: HOST };
    const asked = request(url, { method, headers: sent, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (data: string) => (text += data));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode!, headers: answer.headers, text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
