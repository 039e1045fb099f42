/**
 * Who may see the inside. Monitoring routes are closed to all but callers with the
 * configured token or, where there is none, loopback callers; every package that
 * serves such a route asks this one guard.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';

import { isForwardingHeader } from './forwarding-header.ts';
import type { Check } from './options.ts';
import { either, func, text } from './options.ts';
import { callHook } from './report.ts';

/** Who is let in, instead of loopback: whoever has the token, or whom a function of the user's own lets in. */
export type MonitoringAccess = string | ((req: Request) => boolean);

/** The option check for `MonitoringAccess`. Short tokens can be guessed, and are refused. */
export const monitoringAccess: Check<MonitoringAccess> = either(
  text({ expected: 'a token of at least 16 characters', pattern: /^.{16,}$/ }),
  func<(req: Request) => boolean>(),
);

/**
 * Makes the guard. A token is asked of everybody: what comes from this machine may come from a
 * proxy on it. Without `access` only loopback is let in: who has come over this machine alone,
 * and says so. Behind a proxy on the same machine every client looks local, so a forwarded request
 * never is, whatever `trust proxy` makes of it: what the headers say of its client, the client may
 * have said. Nor is one in HTTP/1.0, which no browser speaks: nginx before 1.29.7 forwards by it
 * unless told otherwise, and then says nothing of its client, nor of the name that it asked for.
 * And it must ask for this machine by a name of loopback: a page in a local browser can have any
 * name resolve to it, and asks by that one (DNS rebinding). What remains is a proxy that forwards
 * by HTTP/1.1, by a name of loopback and without a word: behind one, set a token.
 */
export function monitoringGuard(access?: MonitoringAccess): (req: Request) => boolean {
  if (typeof access === 'function') {
    // A promise is truthy and no yes; who throws lets nobody in.
    return (req) => callHook(() => access(req), 'monitoring access') === true;
  }
  if (access === undefined) return isLocal;
  const expected = digest(access);
  return (req) => timingSafeEqual(digest(bearer(req)), expected);
}

function isLocal({ headers, socket, httpVersion }: Request): boolean {
  if (!isLoopback(socket.remoteAddress) || httpVersion === '1.0') return false;
  if (headers.host !== undefined && !LOCAL_HOST.test(headers.host)) return false;
  // One of them is enough.
  return !Object.keys(headers).some(isForwardingHeader);
}

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; with or without a port. */
const LOCAL_HOST = /^(?:(?:[\w-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])(?::\d*)?$/i;

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address);
}

/** The credentials of `Authorization: Bearer` (RFC 6750 §2.1). */
function bearer(req: Request): string {
  return /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1] ?? '';
}

/** Digests are of one length, so that the comparison tells nothing of the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
