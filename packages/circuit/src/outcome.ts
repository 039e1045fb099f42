/**
 * What a call says of what was called. Its caller's mistakes are not its failures (4xx, RFC 9110
 * §15.5), and what its caller gave up on says nothing, neither does what was not even tried.
 */

/** How a call counts: `ignored` says nothing. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** An answer of `fetch`, as far as it matters here. */
interface Answer {
  readonly ok: boolean;
  readonly status: number;
}

/** Ways in which errors carry a status: ours and Express', and those of HTTP clients. */
interface WithStatus {
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly response?: { readonly status?: unknown } | undefined;
}

/** Nobody was asked: a limit or another circuit stood before. */
const NOT_TRIED: ReadonlySet<unknown> = new Set(['ERR_CIRCUIT_OPEN', 'ERR_BULKHEAD_FULL']);

/** What proxies and this house call a client that has gone. */
const CLIENT_CLOSED = 499;

/** The server failed (RFC 9110 §15.6). */
export function isFailedStatus(status: number): boolean {
  return status >= 500;
}

/** Whether a result is an answer of `fetch` with a status that is a failure. */
export function isFailedAnswer(result: unknown, isFailure: (status: number) => boolean): boolean {
  if (typeof result !== 'object' || result === null) return false;
  const { ok, status } = result as Partial<Answer>;
  return ok === false && typeof status === 'number' && isFailure(status);
}

/** How a call counts that rejected with `error`; `signal` is its caller's. */
export function outcomeOf(
  error: unknown,
  signal: AbortSignal | undefined,
  isFailure: ((error: unknown) => boolean) | undefined,
  isFailureStatus: (status: number) => boolean,
): Outcome {
  if (isGivenUp(error, signal)) return 'ignored';
  if (NOT_TRIED.has((error as { code?: unknown } | null | undefined)?.code)) return 'ignored';
  const failed = isFailure === undefined ? isFailedError(error, isFailureStatus) : isFailure(error);
  return failed ? 'failure' : 'success';
}

/**
 * Whether the caller gave up. One that waited as long as it said in advance, by
 * `AbortSignal.timeout`, did not: the call took too long.
 */
export function isGivenUp(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted === true) return nameOf(signal.reason) !== 'TimeoutError';
  return nameOf(error) === 'AbortError' || statusOf(error) === CLIENT_CLOSED;
}

function isFailedError(error: unknown, isFailureStatus: (status: number) => boolean): boolean {
  const status = statusOf(error);
  return status === undefined || isFailureStatus(status);
}

function nameOf(error: unknown): unknown {
  return (error as { name?: unknown } | null | undefined)?.name;
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { status, statusCode, response } = error as WithStatus;
  const found = status ?? statusCode ?? response?.status;
  return typeof found === 'number' ? found : undefined;
}
