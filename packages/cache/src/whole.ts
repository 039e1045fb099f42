/** What serves the application as a whole, so that the cache can ask it by itself. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Host } from '@org/core';
import type { Express, Request } from 'express';

/** Answers a request as if it had come from outside. */
export type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** The stack that the cache is part of, or the app that it is mounted on. */
export class Whole {
  private host: Host | undefined = undefined;
  private app: Express | undefined = undefined;

  attach(host: Host): void {
    this.host = host;
  }

  /** Remembers the app of a request: the cache may be asked to warm up by nobody in particular. */
  see({ app }: Request): void {
    this.app ??= app as Express | undefined;
  }

  /** Who answers; absent while nothing is known. */
  listener(app: Express | undefined = this.app): Listener | undefined {
    const { host } = this;
    if (host !== undefined) return (req, res) => host.handle(req, res);
    return app === undefined ? undefined : outermost(app);
  }
}

/** The app that no other app has mounted. */
function outermost(app: Express): Express {
  let at = app as Express & { parent?: Express };
  while (at.parent !== undefined) at = at.parent;
  return at;
}
