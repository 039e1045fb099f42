/**
 * `fetch` with retries of what is safe to repeat: requests whose method is idempotent (RFC 9110
 * §9.2.2) or that carry an `Idempotency-Key`, and whose body can be sent again. Of others only what
 * never left. An answer that is still bad after the last attempt is the caller's, as with `fetch`.
 */
import type { CallContext, Exchange } from '@org/core';

import { type Attempts, NOTHING, type Terms } from './attempts.ts';
import { BodyKeeper } from './bodies.ts';
import { LinkedAbort } from './linked-abort.ts';
import type { Fetch, RetryOptions } from './options.ts';
import { OutboundKeys } from './outbound-keys.ts';
import type { RetryBudget } from './retry-budget.ts';
import { contextOf, markerOf } from './retry-marker.ts';

type Input = Parameters<Fetch>[0];
type Init = NonNullable<Parameters<Fetch>[1]>;

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);
const KEY = 'Idempotency-Key';

/** A request as `fetch` is asked for it. */
interface Asked {
  readonly method: string;
  /** Absent where it is none; `fetch` says so. */
  readonly url: URL | undefined;
  readonly headers: Init['headers'];
  readonly signal: AbortSignal | null | undefined;
  /** The body can be sent again. */
  readonly replayable: boolean;
  /** A redirection is not followed, so that what failed was this request and no other. */
  readonly direct: boolean;
}

export class RepeatableFetch {
  private readonly settings: Readonly<RetryOptions>;
  private readonly attempts: Attempts;
  private readonly budget: RetryBudget;
  private readonly field: string | undefined;
  private readonly keys: OutboundKeys = new OutboundKeys();
  private readonly bodies: BodyKeeper = new BodyKeeper();

  constructor(settings: Readonly<RetryOptions>, attempts: Attempts, budget: RetryBudget) {
    this.settings = settings;
    this.attempts = attempts;
    this.budget = budget;
    this.field = settings.attemptHeader === false ? undefined : settings.attemptHeader;
  }

  fetchIn(context: CallContext): Fetch {
    return (input, init) => this.ask(input, init, context, undefined);
  }

  fetchFor(exchange: Exchange): Fetch {
    const field = this.field?.toLowerCase();
    return (input, init) => this.ask(input, init, contextOf(exchange, field), exchange);
  }

  private async ask(
    input: Input,
    init: Init | undefined,
    context: CallContext,
    exchange: Exchange | undefined,
  ): Promise<Response> {
    const { fetch = globalThis.fetch, budgetName, name } = this.settings;
    const asked = read(input, init);
    const key = this.keyOf(asked, exchange);
    const terms: Terms = {
      repeat: repeatOf(asked, key !== undefined),
      account: this.budget.account(budgetName ?? asked.url?.host ?? name),
    };
    const call = (told: CallContext): Promise<Response> => {
      const marker = this.field === undefined ? undefined : markerOf(told);
      if (key === undefined && marker === undefined && told.signal === (asked.signal ?? undefined))
        return fetch(input, init);
      const more: Init = { ...init, signal: told.signal ?? null };
      if (key !== undefined || marker !== undefined) {
        const headers = new Headers(asked.headers);
        if (key !== undefined) headers.set(KEY, key);
        if (marker !== undefined) headers.set(this.field!, marker);
        more.headers = headers;
      }
      return fetch(input, more);
    };
    return await this.withSignals(call, asked.signal, context, terms);
  }

  /** Runs under the caller's signal and that of the request that it works for, both. */
  private async withSignals(
    call: (told: CallContext) => Promise<Response>,
    own: AbortSignal | null | undefined,
    context: CallContext,
    terms: Terms,
  ): Promise<Response> {
    if (own === undefined || own === null) return this.attempts.run(call, context, terms);
    if (context === NOTHING) return this.attempts.run(call, { signal: own }, terms);
    if (context.signal === undefined) {
      return this.attempts.run(call, { ...context, signal: own }, terms);
    }
    const link = new LinkedAbort(context.signal, own);
    try {
      const answer = await this.attempts.run(call, { ...context, signal: link.signal }, terms);
      this.bodies.releaseAfter(answer, link);
      return answer;
    } catch (error) {
      link.release();
      throw error;
    }
  }

  /** The key that a write is given: none where it has its own, needs none, or the server takes none. */
  private keyOf(asked: Asked, exchange: Exchange | undefined): string | undefined {
    const { method, url, headers } = asked;
    const { idempotencyKeys } = this.settings;
    if (idempotencyKeys === false || url === undefined) return undefined;
    if (method !== 'POST' && method !== 'PATCH') return undefined;
    if (typeof idempotencyKeys === 'function' && !idempotencyKeys(url)) return undefined;
    return new Headers(headers).has(KEY) ? undefined : this.keys.keyFor(exchange, method, url.href);
  }
}

function read(input: Input, init: Init | undefined): Asked {
  const request = typeof input === 'string' || input instanceof URL ? undefined : input;
  const address = request?.url ?? (input as string | URL).toString();
  const body = init?.body ?? (init?.body === undefined ? request?.body : undefined);
  return {
    method: (init?.method ?? request?.method ?? 'GET').toUpperCase(),
    url: URL.canParse(address) ? new URL(address) : undefined,
    headers: init?.headers ?? request?.headers,
    signal: init?.signal ?? request?.signal,
    replayable: isReplayable(body),
    direct: ['manual', 'error'].includes(init?.redirect ?? request?.redirect ?? 'follow'),
  };
}

function repeatOf(asked: Asked, keyed: boolean): Terms['repeat'] {
  if (!asked.replayable) return 'never';
  if (IDEMPOTENT.has(asked.method) || keyed || new Headers(asked.headers).has(KEY)) return 'always';
  return asked.direct ? 'unsent' : 'never';
}

/** Streams are gone once they are sent; the body of a `Request` is one, whatever it was made from. */
function isReplayable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === 'string' ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof URLSearchParams ||
    body instanceof FormData
  );
}
