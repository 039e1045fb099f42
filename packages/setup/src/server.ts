/**
 * The server ahead of Express: a request goes through the compiled pipeline first,
 * and reaches Express' router only if nobody answered. What a middleware is handed
 * here is what `app.use` would hand it.
 */
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { exchangeOf, type Clock } from '@org/core';
import type { Express, Request, Response } from 'express';

import type { LastAnswer } from './last-answers.ts';
import { messageClasses, type MessageClasses } from './message-classes.ts';
import type { Pipeline } from './pipeline.ts';

/** How the server treats its connections. All times in ms. */
export interface ServerSettings {
  /** How long an idle connection is kept. Longer than a balancer's own 60 s, or it would send into a closing one. @default 65_000 */
  readonly keepAliveTimeoutMs: number;
  /** How long a client may take for the head of a request. @default 15_000 */
  readonly headersTimeoutMs: number;
  /** How long a client may take for a whole request, body included. @default 30_000 */
  readonly requestTimeoutMs: number;
  /** How often connections are checked against these times. @default 2_000 */
  readonly checkIntervalMs: number;
  /** Which message classes requests are made of. @default "express" */
  readonly messageClasses: MessageClasses;
}

export const SERVER_DEFAULTS: ServerSettings = Object.freeze({
  keepAliveTimeoutMs: 65_000,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 2_000,
  messageClasses: 'express',
});

/** What the server asks of the stack, anew for each request: the pipeline may be swapped. */
export interface Serving {
  readonly app: Express;
  readonly clock: Clock;
  pipeline(): Pipeline;
  upgradePipeline(): Pipeline;
  lastAnswer(): LastAnswer;
}

/** Makes the server; it does not listen yet. */
export function makeServer(serving: Serving, settings: ServerSettings): Server {
  const options: ServerOptions = {
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    headersTimeout: settings.headersTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    connectionsCheckingInterval: settings.checkIntervalMs,
    ...(messageClasses(serving.app, settings.messageClasses) as object),
  };
  return createServer(options, requestListener(serving) as RequestListener);
}

/** The listener for a server of one's own, such as HTTPS. */
export function requestListener(serving: Serving): (req: Request, res: Response) => void {
  const { app, clock } = serving;
  return (req, res) => {
    prepare(app, req, res);
    const exchange = exchangeOf(req, res, clock);
    serving.pipeline()(exchange, (error) => {
      exchange.passedBy = serving;
      exchange.passedError = error;
      app(req, res, (left?: unknown) => serving.lastAnswer()(req, res, left));
    });
  };
}

/** Does to the messages, before the pipeline, what Express' `app.handle` and its router do before the first layer. */
export function prepare(app: Express, req: Request, res: Response): void {
  // As `app.enabled` says, which looks for it through all apps above.
  if (app.settings['x-powered-by']) res.setHeader('X-Powered-By', 'Express');
  req.res = res;
  res.req = req;
  Object.setPrototypeOf(req, app.request);
  Object.setPrototypeOf(res, app.response);
  res.locals = Object.create(null) as typeof res.locals;
  req.baseUrl = '';
  req.originalUrl = req.url;
  req.params = {};
}
