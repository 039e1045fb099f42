/** An app with the tools, by `app.use` or under `setup`, and how a developer asks them. */
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { exchangeOf, type Middleware } from '@org/core';
import {
  devtools,
  type DevtoolsOptions,
  type ExchangeList,
  type ExchangeRecord,
} from '@org/devtools';
import { setup, type Stack } from '@org/setup';
import express, { type Express } from 'express';

export interface Tools {
  readonly url: string;
  readonly clock: FakeClock;
  readonly app: Express;
  readonly parts: readonly Middleware[];
  readonly served: Served;
  readonly stack: Stack | undefined;
  /** Asks the API of the tools, and answers its JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any
  api(path: string, init?: RequestInit): Promise<any>;
  /** The newest exchange, once `count` have been seen. */
  newest(count: number): Promise<ExchangeRecord>;
  close(): Promise<void>;
}

export interface ToolsInit {
  readonly options?: Partial<DevtoolsOptions>;
  readonly routes: (app: Express) => void;
  /** Under `setup`, with these besides. @default by app.use */
  readonly whole?: readonly Middleware[];
}

const open: Tools[] = [];

/** Closes what the tests of this file have opened. */
export async function closeTools(): Promise<void> {
  for (const one of open.splice(0)) await one.close();
}

export async function startTools({ options, routes, whole }: ToolsInit): Promise<Tools> {
  const clock = options?.clock === undefined ? fakeClock() : (options.clock as FakeClock);
  const app = express();
  const parts = devtools({ clock, ...options });
  let stack: Stack | undefined;
  let served: Served;
  if (whole === undefined) {
    app.use((req, res, next) => {
      exchangeOf(req, res, clock);
      next();
    });
    app.use(express.json(), express.urlencoded());
    app.use(parts);
    routes(app);
    served = await serve(app);
  } else {
    stack = setup(app, [...whole, ...parts], { allowHeavy: true, clock });
    routes(app);
    served = await serve(await stack.listen(0, '127.0.0.1'));
  }
  const { url } = served;
  const api = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const answer = await fetch(`${url}/devtools/api${path}`, {
      ...init,
      headers: { connection: 'close', ...(init.headers as Record<string, string>) },
    });
    return answer.status === 204 ? undefined : answer.json();
  };
  const tools: Tools = {
    url,
    clock,
    app,
    parts,
    served,
    stack,
    api,
    async newest(count) {
      // The record is made when the answer has left, which its reader may be ahead of.
      for (;;) {
        const { seenTotal } = parts[0]!.stats!() as { seenTotal: number };
        if (seenTotal >= count) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { exchanges } = (await api('/exchanges')) as ExchangeList;
      return (await api(`/exchanges/${exchanges[0]!.id}`)) as ExchangeRecord;
    },
    async close() {
      await served.close();
      await stack?.close();
      for (const part of parts) await part.close?.();
    },
  };
  open.push(tools);
  return tools;
}

/** Sends JSON. */
export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}
