/** An application with a cache in front of it, for tests that talk through a socket. */
import { once } from 'node:events';
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import { type Cache, cache, type CacheOptions } from '@org/cache';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { setup } from '@org/setup';
import express, { type Express, type Request, type Response } from 'express';

/** What a request brought. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** As text; bytes that are none are in `bytes`. */
  readonly body: string;
  readonly bytes: Buffer;
}

/** An application under test. */
export interface Origin {
  readonly url: string;
  readonly app: Express;
  readonly cached: Cache;
  readonly clock: FakeClock;
  /** How often the handler has run. */
  readonly calls: () => number;
  /** Requests as the handler saw them. */
  readonly seen: readonly Request[];
  get(path: string, headers?: OutgoingHttpHeaders, method?: string): Promise<Answered>;
  close(): Promise<void>;
}

/** How the application is put together. */
export interface OriginInit {
  readonly options?: Partial<CacheOptions>;
  /** Handles every request that the cache lets through. */
  readonly handle?: (req: Request, res: Response, call: number) => unknown;
  /** Mounted ahead of the cache. */
  readonly before?: (app: Express) => void;
  /** Mounted behind the cache. */
  readonly routes?: (app: Express) => void;
  /** Serves through `setup` rather than with `app.use`. */
  readonly underSetup?: boolean;
}

/** One request on a connection of its own, with just these headers; `fetch` would add its own. */
export async function ask(
  url: string,
  headers: OutgoingHttpHeaders = {},
  method: string = 'GET',
): Promise<Answered> {
  const sent = request(url, { method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const bytes = Buffer.concat(await answer.toArray());
  return {
    status: answer.statusCode!,
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    body: bytes.toString(),
    bytes,
  };
}

/** Turns of the event loop after which nothing more is to be expected. */
const MAX_TURNS = 100_000;

/** Lets what is under way go on until `done`. */
export async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > MAX_TURNS) throw new Error(`nothing made ${String(done)} true`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const open: { close(): Promise<unknown> }[] = [];

/** Closes what a test has left open; for `afterEach`. */
export async function closeOrigins(): Promise<void> {
  for (const one of open.splice(0)) await one.close();
}

/** Starts an application; strictly RFC 9111 and without jitter unless the options say otherwise. */
export async function origin(init: OriginInit = {}): Promise<Origin> {
  const clock = fakeClock();
  const app = express();
  const seen: Request[] = [];
  const cached = cache({ ttlMs: 0, jitterRatio: 0, clock, ...init.options });
  const routes = (): void => {
    init.routes?.(app);
    app.use((req, res) => {
      seen.push(Object.assign(Object.create(req) as Request, { headers: { ...req.headers } }));
      return (init.handle ?? ((_req, answer) => answer.send('hello')))(req, res, seen.length);
    });
  };
  let url: string;
  let close: () => Promise<unknown>;
  if (init.underSetup === true) {
    const stack = setup(app, [cached]);
    routes();
    const server = await stack.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    close = () => stack.close();
  } else {
    init.before?.(app);
    app.use(cached);
    routes();
    const served = await serve(app);
    url = served.url;
    close = async () => {
      await served.close();
      await cached.close?.();
    };
  }
  const made: Origin = {
    url,
    app,
    cached,
    clock,
    seen,
    calls: () => seen.length,
    get: (path, headers, method) => ask(url + path, headers, method),
    close: async () => void (await close()),
  };
  open.push(made);
  return made;
}
