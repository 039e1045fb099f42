/**
 * Whether a page may connect (RFC 6455 §10.2). Browsers let every page open a WebSocket to
 * everywhere, cookies included, and say only where it comes from: whoever does not look at that
 * lets any site act for its visitors.
 */
import type { Request } from 'express';

/**
 * Pages that may connect: of the `same` host, `any`, those of a list (`https://app.example.org`),
 * or whom a function lets in.
 */
export type Origins =
  | 'same'
  | 'any'
  | readonly string[]
  | ((origin: string, req: Request) => boolean);

/** Tells whether a request may connect by where it comes from. */
export type OriginGuard = (req: Request) => boolean;

/** Makes the guard. Without an Origin it is no browser, which is not what this is about. */
export function originGuard(origins: Origins): OriginGuard {
  const isAllowed = ruleOf(origins);
  return (req) => {
    const { origin } = req.headers;
    return origin === undefined || isAllowed(origin, req);
  };
}

function ruleOf(origins: Origins): (origin: string, req: Request) => boolean {
  if (origins === 'any') return () => true;
  if (origins === 'same') return isSameHost;
  if (typeof origins === 'function') {
    return (origin, req) => {
      // A promise is no yes, though it is truthy.
      const answer: unknown = origins(origin, req);
      return answer === true;
    };
  }
  const listed = new Set(origins.map((origin) => normalOrigin(origin) ?? origin));
  return (origin) => listed.has(normalOrigin(origin) ?? origin);
}

/** An origin in its one spelling (RFC 6454 §6.2); nothing where it is none. */
export function normalOrigin(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.pathname === '/' && url.search === '' && url.hash === '' && url.host !== ''
      ? `${url.protocol}//${url.host}`
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the page came from the host that it asks. The scheme is the page's own: behind a proxy
 * that ends TLS only it is known. `req.host` obeys `trust proxy`.
 */
function isSameHost(origin: string, req: Request): boolean {
  const own = normalOrigin(origin);
  const host = req.host as string | undefined;
  if (own === undefined || host === undefined) return false;
  return own === normalOrigin(`${own.slice(0, own.indexOf('//'))}//${host}`);
}
