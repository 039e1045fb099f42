/**
 * The documents of apps as they are sent: made when one is first read, and again when the routes
 * have changed. One that cannot be made is not tried again before that.
 */
import { createHash } from 'node:crypto';
import type { Application } from 'express';

import { documentOf } from './document.ts';
import { areSame, type MountedRoute, mountedRoutes } from './mounted-routes.ts';
import type { OpenapiSettings } from './options.ts';

/** A document as it is sent. */
export interface Edition {
  readonly body: Buffer;
  /** A strong entity-tag (RFC 9110 §8.8.3): the same document has the same. */
  readonly etag: string;
}

/** What an app had when it was last looked at. */
interface Seen {
  readonly routes: readonly MountedRoute[];
  readonly byVersion: Map<string | undefined, Edition | { readonly error: unknown }>;
}

export class Editions {
  /** How many have been made. */
  madeTotal = 0;
  private readonly settings: OpenapiSettings;
  private readonly byApp = new WeakMap<Application, Seen>();

  constructor(settings: OpenapiSettings) {
    this.settings = settings;
  }

  /** @throws OptionError for what a document cannot say */
  of(app: Application, version: string | undefined): Edition {
    const routes = mountedRoutes(app);
    let seen = this.byApp.get(app);
    if (seen === undefined || !areSame(seen.routes, routes)) {
      seen = { routes, byVersion: new Map() };
      this.byApp.set(app, seen);
    }
    let found = seen.byVersion.get(version);
    if (found === undefined) {
      found = this.make(routes, version);
      seen.byVersion.set(version, found);
    }
    if ('error' in found) throw found.error;
    return found;
  }

  private make(
    routes: readonly MountedRoute[],
    version: string | undefined,
  ): Edition | { readonly error: unknown } {
    this.madeTotal++;
    try {
      const body = Buffer.from(JSON.stringify(documentOf(routes, this.settings, version)));
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 27);
      return { body, etag: `"${digest}"` };
    } catch (error) {
      return { error };
    }
  }
}
