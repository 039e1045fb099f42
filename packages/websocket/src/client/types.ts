/** What users of the client see. */

/** Where a client is: `waiting` until the next attempt, `closed` for good. */
export type ClientState = 'connecting' | 'open' | 'waiting' | 'closed';

/** Something was refused, or could not be done. */
export class LiveError extends Error {
  /** Stable and machine-readable, as the server sends it, or `ERR_DISCONNECTED`, `ERR_QUEUE_FULL`, `ERR_NO_ANSWER`, `ERR_CLOSED` of the client's own. */
  readonly code: string;
  /** What the schema of a channel has found. */
  readonly issues: readonly { readonly message: string; readonly pointer: string }[];

  constructor(code: string, detail: string, issues: LiveError['issues'] = []) {
    super(detail);
    this.name = 'LiveError';
    this.code = code;
    this.issues = issues;
  }
}

/** Events that are missing, and will not come: what is shown should be loaded anew. */
export interface Gap {
  /** `slow`: this client took too little; `bus`: the servers lost them; `break`: they were sent while it was away, and too many or too long ago to be had. */
  readonly reason: 'slow' | 'bus' | 'break';
  /** First and last offset, where they are known. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** What is known of an event besides its data. */
export interface EventInfo {
  readonly channel: string;
  readonly offset: number;
  /** Who caused it, where the channel carries that: for tracing. */
  readonly carrier?: Readonly<Record<string, unknown>> | undefined;
}

/** Who listens to a channel. */
export interface Listener<T> {
  onEvent(data: T, info: EventInfo): void;
  /** From now on all that is published comes, breaks or not, or `onGap` says that it does not. Called once. */
  onReady?(): void;
  onGap?(gap: Gap): void;
  /** Who is there, after every change. */
  onPresence?(members: readonly string[]): void;
  /** The server has refused, or taken the subscription away: nothing more comes. */
  onError?(error: LiveError): void;
}

/** What a client is told. */
export interface ClientOptions {
  /** The class of WebSockets: needed before Node 22, which has none of its own. @default globalThis.WebSocket */
  readonly WebSocket?: (new (url: string, protocols?: string[]) => object) | undefined;
  /** Answers a token to connect with; asked for every attempt, and again before the last one ends. @default none: cookies, or nobody */
  readonly token?: (() => string | Promise<string>) | undefined;
  /** The longest first delay before a reconnect, in ms; it doubles. @default 500 */
  readonly minDelayMs?: number | undefined;
  /** The longest delay, in ms. @default 30_000 */
  readonly maxDelayMs?: number | undefined;
  /** How long a connection may take to open, and an answer to come, in ms. @default 10_000 */
  readonly answerTimeoutMs?: number | undefined;
  /** Messages that wait while there is no connection. @default 100 */
  readonly maxQueued?: number | undefined;
  /** Told of every change. @default nobody */
  readonly onState?: ((state: ClientState) => void) | undefined;
  /** A number from 0 to 1, for jitter. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** A connection that comes back by itself. */
export interface Client {
  readonly state: ClientState;
  /** Listens to a channel, across reconnects; what is answered ends it. */
  subscribe<T = unknown>(
    channel: string,
    listener: Listener<T> | Listener<T>['onEvent'],
  ): () => void;
  /**
   * Sends to a channel; resolves when the server has it. Waits while there is no connection.
   * Rejects with a `LiveError`; after `ERR_DISCONNECTED` or `ERR_NO_ANSWER` it may have been done.
   */
  publish(channel: string, data: unknown): Promise<void>;
  /** Renews the credentials with a new token. */
  refresh(): Promise<void>;
  /** Ends it for good. */
  close(): void;
}
