/** `fetch` with a breaker for each host. */
import type { Guard } from './guard.ts';

type Fetch = typeof globalThis.fetch;

/**
 * A call counts when the head of its answer is there. What has no host, such as a `data:` URL, and
 * what is no URL at all goes straight on.
 */
export function guardedFetch(guardOf: (host: string) => Guard, given: Fetch | undefined): Fetch {
  return function fetch(input, init) {
    // Not at construction: whoever instruments the global one may come later.
    const call = given ?? globalThis.fetch;
    // Not by its class: another fetch has another one.
    const request = typeof input === 'string' || input instanceof URL ? undefined : input;
    const host = hostOf(request?.url ?? (input as string | URL));
    if (host === '') return call(input, init);
    const signal = init?.signal ?? request?.signal;
    return guardOf(host).run(() => call(input, init), { signal: signal ?? undefined });
  };
}

function hostOf(url: string | URL): string {
  try {
    return new URL(url).host;
  } catch {
    return '';
  }
}
