/**
 * A browser's session: it signs in with the token once, and carries a signed cookie from then on,
 * because an EventSource cannot send `Authorization`. Nothing is kept on the server: any process
 * with the same token knows the session, and another token ends them all.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';

const COOKIE = 'dashboard_session';

/** Makes and reads the cookie of one token. */
export class Sessions {
  private readonly token: string;
  private readonly lifeMs: number;

  constructor(token: string, lifeMs: number) {
    this.token = token;
    this.lifeMs = lifeMs;
  }

  /** Whether a request brings the token itself: to be local is not enough for what works from anywhere. */
  isToken({ headers }: Request): boolean {
    const [, given = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
    return timingSafeEqual(digest(given), digest(this.token));
  }

  /**
   * The header that begins a session. Without `Path` a cookie belongs to the folder of the address
   * that sets it (RFC 6265 §5.1.4), which is the dashboard's own, also behind a proxy that puts
   * something in front of it.
   */
  begin(nowAt: number, isSecure: boolean): string {
    const until = String(Math.round(nowAt + this.lifeMs));
    const seconds = Math.floor(this.lifeMs / 1000);
    return `${COOKIE}=${until}.${this.sign(until)}; Max-Age=${seconds}${attributes(isSecure)}`;
  }

  /** The header that ends it. */
  end(isSecure: boolean): string {
    return `${COOKIE}=; Max-Age=0${attributes(isSecure)}`;
  }

  /** Until when a request's session lasts, in ms since the epoch; nothing where it has none that holds. */
  untilAt(req: Request, nowAt: number): number | undefined {
    const { cookie } = req.headers;
    if (cookie === undefined) return undefined;
    for (const [, until, signature] of cookie.matchAll(SESSION)) {
      if (this.isOurs(until!, signature!) && Number(until) > nowAt) return Number(until);
    }
    return undefined;
  }

  private isOurs(until: string, signature: string): boolean {
    const expected = this.sign(until);
    return (
      signature.length === expected.length &&
      timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
    );
  }

  private sign(until: string): string {
    return createHmac('sha256', this.token).update(`${COOKIE} ${until}`).digest('base64url');
  }
}

const SESSION: RegExp = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\d{1,16})\\.([\\w-]+)`, 'g');

/** Scripts cannot read it, and no other site can have it sent. */
function attributes(isSecure: boolean): string {
  return `; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}

/** Digests are of one length, so that the comparison tells nothing of the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
