/** What tests send, and the apps that they send it to. */
import { once } from 'node:events';
import { connect } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { exchangeOf, type Middleware } from '@org/core';
import { type FakeClock, serve, type Served } from '@org/core/testing';

/** An answer as tests look at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The `code` of a problem document. */
  readonly code: string | undefined;
}

/** Sends JSON with a key. */
export async function send(
  url: string,
  key: string | undefined,
  body: unknown = { amount: 1 },
  {
    method = 'POST',
    headers = {},
  }: { method?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  return look(
    await fetch(url, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
}

export async function look(response: globalThis.Response): Promise<Answer> {
  const text = await response.text();
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  const code = isProblem === true ? (JSON.parse(text) as { code: string }).code : undefined;
  return { status: response.status, headers: response.headers, text, code };
}

/** An app on a test's clock with a body parser, and with problem documents for errors. */
export async function serveApp(
  made: Middleware | readonly Middleware[],
  routes: (app: Express) => void,
  clock?: FakeClock,
  ahead: (app: Express) => void = () => undefined,
): Promise<Served> {
  const app = express();
  app.use((req, res, next) => {
    exchangeOf(req, res, clock);
    next();
  });
  app.use(express.json());
  ahead(app);
  const all = [made].flat<(Middleware | readonly Middleware[])[]>();
  if (all.length > 0) app.use(all);
  routes(app);
  app.use((error: ErrorLike, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    res
      .status(error.status ?? 500)
      .set(error.headers ?? {})
      .type('application/problem+json')
      .send(JSON.stringify({ code: error.code, detail: error.message, ...error.extensions }));
  });
  return serve(app);
}

interface ErrorLike extends Error {
  readonly status?: number;
  readonly code?: string;
  readonly headers?: Record<string, string>;
  readonly extensions?: Record<string, unknown>;
}

/** Sends a request by hand on a connection of its own; the answer `cut()` never hears. */
export function sendByHand(port: number, text: string): { cut(): Promise<void> } {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  return {
    async cut() {
      socket.destroy();
      if (!socket.closed) await once(socket, 'close');
    },
  };
}

/** A door that a test opens: `passed` of those who wait at it. */
export class Gate {
  private open: () => void = () => undefined;
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });

  let(): void {
    this.open();
  }
}

/** Waits until something is so, a turn of the event loop at a time. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
