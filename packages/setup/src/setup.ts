/**
 * `setup` assembles components into one stack: it resolves their order once,
 * compiles them into one function, serves it ahead of Express, and drives their
 * life. What it is given works the same by `app.use`; a whole adds order,
 * lifecycle, switches and monitoring.
 */
import type { RequestListener, Server } from 'node:http';
import {
  type CloseReport,
  exchangeOf,
  type Given,
  type Middleware,
  tapApplication,
} from '@org/core';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';

import type { Explanation } from './explain.ts';
import { tagFaster } from './entity-tags.ts';
import { mountable } from './last-answers.ts';
import { sendJsonFaster } from './json-bytes.ts';
import { isLazy } from './lazy.ts';
import { monitoring, statsOf } from './monitoring.ts';
import { type Parts, Registry } from './registry.ts';
import { makeServer, requestListener, type Serving } from './server.ts';
import { SetupError } from './setup-error.ts';
import { resolveSetupOptions, type SetupOptions } from './setup-options.ts';
import { StackHost } from './stack-host.ts';

/** An assembled stack. Mounted by `setup` already; as a handler it can be mounted elsewhere too. */
export interface Stack extends RequestHandler {
  /** Starts the components. Idempotent. */
  start(): Promise<void>;
  /** Starts, then serves ahead of Express. `port` 0 takes a free one. */
  listen(port?: number, host?: string): Promise<Server>;
  /** The request listener, for a server of one's own such as HTTPS; call `start` before it serves. */
  readonly listener: (req: Request, res: Response) => void;
  /**
   * The answers for what no route answered and for errors. `listen` and `listener`
   * run them already; who serves `app` itself mounts them behind the routes.
   */
  readonly lastAnswers: readonly (RequestHandler | ErrorRequestHandler)[];
  /** Stops listening, waits for the requests under way, closes the components. Idempotent. */
  close(): Promise<CloseReport>;
  /** Switches a middleware on for requests to come. @throws SetupError */
  enable(name: string): void;
  /** Switches a middleware off for requests to come. @throws SetupError if another requires it */
  disable(name: string): void;
  /** Gives a middleware another priority, for requests to come. @throws SetupError */
  reorder(name: string, priority: number): void;
  /** The chain, with the reason for each place. */
  explain(): Explanation;
  /** Every component's numbers, by name. */
  stats(): Record<string, unknown>;
}

/**
 * Assembles components on an app. Call it before the routes.
 * @throws SetupError naming both parties and the fix, OptionError for wrong options
 */
export function setup(app: Express, components: Parts, options?: Given<SetupOptions>): Stack {
  const settings = resolveSetupOptions(options);
  if (settings.mount && layersOf(app) > 0) {
    throw new SetupError(
      `${layersOf(app)} handler(s) are mounted on the app already, and would run before the stack or behind it ` +
        `depending on the server. Call setup() before app.use() and the routes, or pass { mount: false } and app.use(stack) yourself.`,
    );
  }
  const registry = new Registry(components, settings, (inside) =>
    monitoring(inside, settings.monitoring),
  );
  const serving: Serving = {
    app,
    clock: settings.clock,
    pipeline: () => registry.pipeline,
    upgradePipeline: () => registry.upgradePipeline,
    lastAnswer: () => registry.lastAnswer,
  };
  const listener = requestListener(serving);
  const host = new StackHost(registry, settings, serving, listener as RequestListener);
  tapApplication(app);
  // It tells attackers what to look up, and costs a header on every response.
  app.disable('x-powered-by');
  tagFaster(app);
  sendJsonFaster(app);

  function stack(...[req, res, next]: Parameters<RequestHandler>): void {
    const exchange = exchangeOf(req, res, settings.clock);
    // The server has sent it through already; whoever is mounted twice runs once.
    if (exchange.passedBy === serving) {
      next(exchange.passedError);
      return;
    }
    exchange.passedBy = serving;
    registry.pipeline(exchange, next);
  }
  // Express takes a handler by its three parameters.
  Object.defineProperty(stack, 'length', { value: 3 });

  for (const middleware of registry.middlewares) {
    if (isLazy(middleware)) middleware.onLoaded(() => registry.compile());
  }
  if (settings.mount) app.use(stack);

  /** By now the routes are there, and with them the apps that stand in routers. */
  function start(): Promise<void> {
    tapApplication(app);
    return host.start();
  }

  return Object.assign(stack, {
    start,
    async listen(port: number = 0, address?: string) {
      await start();
      const server = makeServer(serving, settings.server);
      await listening(server, port, address);
      host.serve(server);
      loadAfterListening(registry.active);
      return server;
    },
    listener,
    lastAnswers: mountable(serving),
    close: () => host.close(),
    enable: (name: string) => registry.switch(name, true),
    disable: (name: string) => registry.switch(name, false),
    reorder: (name: string, priority: number) => registry.reorder(name, priority),
    explain: () => registry.explain(),
    stats: () => statsOf(registry.components()),
  });
}

/** How many layers an app has. */
function layersOf(app: Express): number {
  return (app.router as unknown as { readonly stack: readonly unknown[] }).stack.length;
}

function listening(server: Server, port: number, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A failed load has been reported; the first use will try again. */
function loadAfterListening(middlewares: readonly Middleware[]): void {
  for (const one of middlewares) {
    if (isLazy(one) && one.when === 'listening') one.load().catch(() => undefined);
  }
}
