/** How a stored answer may be used for a request (RFC 9111 §4, §4.2.4, §5.2.1; RFC 5861 §3). */
import type { Directives } from './cache-control.ts';
import type { Entry } from './entry.ts';

/**
 * `fresh`: as it is. `stale`: past its lifetime, as the request allows. `while-revalidate`:
 * past its lifetime, while it is fetched anew. `expired`: only after asking the application.
 * `request`: the request wants the application to be asked.
 */
export type Reuse = 'fresh' | 'stale' | 'while-revalidate' | 'expired' | 'request';

/** Decides; `directives` are those of the request, absent where it has none or they are not obeyed. */
export function reuse(entry: Entry, directives: Directives | undefined, nowMs: number): Reuse {
  const { lifetimeMs, mustValidate, init } = entry;
  const ageMs = entry.ageMs(nowMs);
  if (directives !== undefined) {
    const { noCache, maxAgeSeconds, minFreshSeconds } = directives;
    if (noCache !== undefined) return 'request';
    if (maxAgeSeconds !== undefined && ageMs > maxAgeSeconds * 1000) return 'request';
    if (minFreshSeconds !== undefined && lifetimeMs - ageMs < minFreshSeconds * 1000) {
      return 'request';
    }
  }
  if (mustValidate) return 'expired';
  if (ageMs < lifetimeMs) return 'fresh';
  if (!init.mayBeStale) return 'expired';
  const staleMs = ageMs - lifetimeMs;
  const allowed = directives?.maxStaleSeconds;
  if (allowed !== undefined && staleMs <= allowed * 1000) return 'stale';
  return staleMs < init.staleWhileRevalidateMs ? 'while-revalidate' : 'expired';
}

/** Whether it may stand in for a failure (RFC 5861 §4). */
export function standsIn(entry: Entry, status: number, nowMs: number): boolean {
  const failed = status === 500 || status === 502 || status === 503 || status === 504;
  if (!failed || entry.mustValidate || !entry.init.mayBeStale) return false;
  // One that is still fresh, and was asked about all the same, needs the permission, too.
  return Math.max(0, entry.ageMs(nowMs) - entry.lifetimeMs) < entry.init.staleIfErrorMs;
}
