/** Watches one response from both ends, as Node shows it, so that two ways of serving can be compared. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';

import { defineMiddleware, defineStages, type Exchange, type StageHandlers } from '@org/core';
import { recordExchanges, serve } from '@org/core/testing';

/** What a stage of a test counted. */
export interface Calls {
  transform: number;
  capturedEnd: number;
  capturedAbort: number;
  captured: Buffer[];
  head: number;
}

/** One way of serving a response. */
export interface Variant {
  readonly name: string;
  readonly stages?: (calls: Calls) => StageHandlers;
  /** The body arrives in another coding, and must be decoded before it is compared. */
  readonly codes?: true;
}

const capture = (calls: Calls): StageHandlers => ({
  capture: () => ({
    write: (chunk) => void calls.captured.push(Buffer.from(chunk)),
    end: () => void calls.capturedEnd++,
    abort: () => void calls.capturedAbort++,
  }),
});
const transform = (calls: Calls): StageHandlers => ({
  transform: (value) => {
    calls.transform++;
    return value;
  },
});
const conditional: StageHandlers = { conditional: () => undefined };
const declining: StageHandlers = { encode: () => undefined, encoder: () => undefined };
const head = (calls: Calls): StageHandlers => ({ head: () => void calls.head++ });
const gzipSyncCoding: StageHandlers = {
  encode: (_head, body) => ({ coding: 'gzip', body: gzipSync(body) }),
  encoder: () => ({ coding: 'gzip', stream: createGzip({ flush: 2 }) }),
};
const gzipLater: StageHandlers = {
  encode: (_head, body) => ({
    coding: 'gzip',
    body: new Promise((resolve) => setImmediate(() => resolve(gzipSync(body)))),
  }),
};

/** Serving without the tap: Node and Express alone. */
export const BARE: Variant = { name: 'no tap' };

/** Serving through the tap: with no stage, with each, with all. */
export const VARIANTS: readonly Variant[] = [
  { name: 'a tap and no stage', stages: () => ({}) },
  { name: 'transform', stages: transform },
  { name: 'capture', stages: capture },
  { name: 'conditional', stages: () => conditional },
  { name: 'encode that declines', stages: () => declining },
  { name: 'head', stages: head },
  { name: 'done', stages: () => ({ done: () => undefined }) },
  {
    name: 'every stage',
    stages: (calls) => ({
      ...transform(calls),
      ...capture(calls),
      ...conditional,
      ...declining,
      ...head(calls),
    }),
  },
  { name: 'gzip in one call', stages: () => gzipSyncCoding, codes: true },
  { name: 'gzip in the thread pool', stages: () => gzipLater, codes: true },
  {
    name: 'every stage and gzip',
    stages: (calls) => ({
      ...transform(calls),
      ...capture(calls),
      ...head(calls),
      ...gzipSyncCoding,
    }),
    codes: true,
  },
];

/** What the client saw, and what the handler saw. */
export interface Observation {
  status: number | undefined;
  reason: string | undefined;
  headers: Record<string, unknown>;
  body: string;
  trailers: Record<string, unknown>;
  interim: number[];
  aborted: boolean;
  events: string[];
  notes: unknown[];
}

/** Lets a scenario note what its own calls returned or threw. */
export type Note = (what: unknown) => void;

/** What a handler under observation does. */
export type Scenario = (req: Request, res: Response, note: Note, next: NextFunction) => void;

/** What the client asks, and how it behaves. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Cuts the connection once the response has begun, or at once. */
  readonly cut?: 'at once' | 'in the body';
}

/** Serves one scenario in one way, and tells what both ends saw. */
export async function observe(
  variant: Variant,
  scenario: Scenario,
  ask: Ask = {},
): Promise<{ seen: Observation; calls: Calls; exchange: Exchange | undefined; doneTimes: number }> {
  const calls: Calls = { transform: 0, capturedEnd: 0, capturedAbort: 0, captured: [], head: 0 };
  const notes: unknown[] = [];
  const events: string[] = [];
  const app = express();
  const recorder = recordExchanges();
  let closed: () => void = () => undefined;
  const responseClosed = new Promise<void>((resolve) => (closed = resolve));
  if (variant.stages !== undefined) {
    const stages = defineStages(variant.stages(calls));
    app.use(recorder.middleware);
    app.use(
      defineMiddleware({
        name: 'staged',
        phase: 'shape',
        step: (one) => one.tap(stages),
      }) as RequestHandler,
    );
  }
  app.use((req, res, next) => {
    res.on('finish', () => events.push('finish'));
    res.on('close', () => {
      events.push('close');
      // The tap's own listener may stand behind this one.
      setImmediate(closed);
    });
    res.on('error', (error: NodeJS.ErrnoException) => events.push(`error ${error.code}`));
    scenario(req, res, (what) => void notes.push(what), next);
  });
  app.use((error: Error, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) res.destroy();
    else res.status(500).send(error.message);
    void next;
  });
  const served = await serve(app);
  try {
    const seen = await fetchRaw(`${served.url}/x`, ask);
    await responseClosed;
    if (variant.codes && seen.headers['content-encoding'] === 'gzip') decode(seen);
    return {
      seen: { ...seen, events, notes },
      calls,
      exchange: recorder.settled[0],
      doneTimes: recorder.settled.length,
    };
  } finally {
    await served.close();
  }
}

function fetchRaw(url: string, { method = 'GET', headers = {}, cut }: Ask): Promise<Observation> {
  return new Promise((resolve) => {
    const seen: Observation = {
      status: undefined,
      reason: undefined,
      headers: {},
      body: '',
      trailers: {},
      interim: [],
      aborted: false,
      events: [],
      notes: [],
    };
    const end = (): void => resolve(seen);
    const req: ClientRequest = request(url, {
      method,
      headers: { connection: 'close', ...headers },
    });
    req.on('information', ({ statusCode }) => seen.interim.push(statusCode));
    req.on('error', () => {
      seen.aborted = true;
      end();
    });
    req.on('response', (res: IncomingMessage) => {
      seen.status = res.statusCode;
      seen.reason = res.statusMessage;
      const { date: _date, ...rest } = res.headers;
      seen.headers = rest;
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (cut === 'in the body') req.destroy();
      });
      res.on('error', () => (seen.aborted = true));
      res.on('close', () => {
        seen.body = Buffer.concat(chunks).toString('latin1');
        seen.trailers = res.trailers;
        end();
      });
    });
    req.end();
    if (cut === 'at once')
      req.on('socket', (socket) => socket.on('connect', () => setImmediate(() => req.destroy())));
  });
}

/** Takes back what a coding changes by its nature; all else must be as it was. */
function decode(seen: Observation): void {
  const coded = Buffer.from(seen.body, 'latin1');
  if (coded.length > 0) seen.body = gunzipSync(coded, { finishFlush: 2 }).toString('latin1');
  delete seen.headers['content-encoding'];
}
