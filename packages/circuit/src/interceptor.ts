/**
 * An interceptor for dispatchers of undici, with a breaker for each origin. The types are undici's
 * own (from version 7 on) as far as they matter here, so that nobody needs undici who does not use it.
 */
import type { Guard } from './guard.ts';

/** What undici is asked for. */
export interface DispatchOptions {
  readonly origin?: string | URL | undefined;
}

/** What undici lets its handlers control. */
export interface DispatchController {
  readonly aborted: boolean;
}

/** Who hears of an answer. */
export interface DispatchHandler {
  onRequestStart?(controller: DispatchController, context: unknown): void;
  onRequestUpgrade?(...upgrade: [DispatchController, status: number, ...unknown[]]): void;
  onResponseStart?(...head: [DispatchController, status: number, ...unknown[]]): void;
  onResponseData?(controller: DispatchController, chunk: unknown): void;
  onResponseEnd?(controller: DispatchController, trailers: unknown): void;
  onResponseError?(controller: DispatchController | null, error: Error): void;
}

/** Sends a request, or queues it; says whether there is room for more. */
type Dispatch<O, H> = (options: O, handler: H) => boolean;

/** Puts something around a dispatch, as `dispatcher.compose` takes it. */
export type Interceptor = <O, H>(dispatch: Dispatch<O, H>) => Dispatch<O, H>;

/** An answer counts when its head is there. */
export function guardedDispatch(guardOf: (origin: string) => Guard): Interceptor {
  const intercept =
    (dispatch: Dispatch<DispatchOptions, DispatchHandler>) =>
    (options: DispatchOptions, handler: DispatchHandler): boolean => {
      const { origin } = options;
      if (origin === undefined) return dispatch(options, handler);
      const watched = new WatchedHandler(handler);
      let hasRoom = true;
      // A fallback would have to answer in undici's terms, and is for whoever calls.
      guardOf(typeof origin === 'string' ? origin : origin.origin)
        .run(() => watched.head(() => (hasRoom = dispatch(options, watched))), undefined, null)
        .catch((error: Error) => watched.tell(error));
      return hasRoom;
    };
  return intercept as unknown as Interceptor;
}

/** The head of an answer, in the form of `fetch`. */
interface Head {
  readonly ok: boolean;
  readonly status: number;
}

/** Passes everything on, and promises the head. */
class WatchedHandler implements DispatchHandler {
  private readonly handler: DispatchHandler;
  private resolve: (head: Head) => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;
  /** Whoever waits knows of the error. */
  private told: boolean = false;

  constructor(handler: DispatchHandler) {
    this.handler = handler;
  }

  head(send: () => void): Promise<Head> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      send();
    });
  }

  /** Tells of an error that undici has not told of: nothing was sent. */
  tell(error: Error): void {
    if (this.told) return;
    this.told = true;
    this.handler.onResponseError?.(null, error);
  }

  onRequestStart(controller: DispatchController, context: unknown): void {
    this.handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(...upgrade: [DispatchController, number, ...unknown[]]): void {
    this.resolve({ ok: true, status: upgrade[1] });
    this.handler.onRequestUpgrade?.(...upgrade);
  }

  onResponseStart(...head: [DispatchController, number, ...unknown[]]): void {
    const status = head[1];
    // Informational answers come before the one that counts (RFC 9110 §15.2).
    if (status >= 200) this.resolve({ ok: status < 300, status });
    this.handler.onResponseStart?.(...head);
  }

  onResponseData(controller: DispatchController, chunk: unknown): void {
    this.handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: DispatchController, trailers: unknown): void {
    this.handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: DispatchController | null, error: Error): void {
    const givenUp = controller?.aborted === true && error?.name !== 'TimeoutError';
    this.told = true;
    // Whatever reason the caller has for giving up: it is none of the origin's.
    this.reject(givenUp ? new DOMException('Given up on.', 'AbortError') : error);
    this.handler.onResponseError?.(controller, error);
  }
}
