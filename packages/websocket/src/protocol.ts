/**
 * What is spoken on a connection: JSON in text frames, one message each, under the subprotocol
 * `channels.v1`. PROTOCOL.md tells it to those who write a client of their own.
 */

/** Name of the subprotocol (RFC 6455 §1.9); its number changes when a message changes its meaning. */
export const SUBPROTOCOL = 'channels.v1';

/** Version of the protocol, as `hello` tells it. */
export const PROTOCOL_VERSION = 1;

/** A token offered as a subprotocol begins so: browsers cannot set headers (RFC 6455 §4.1 lets them choose these). */
export const BEARER_PREFIX = 'bearer.';

/**
 * Codes with which the server closes: those of RFC 6455 §7.4.1 and of its registry (§11.7), and of
 * the range for applications (§7.4.2).
 */
export const CLOSE: {
  /** A message that is no text. */
  readonly unsupported: 1003;
  /** Too many messages, though they were refused. */
  readonly policy: 1008;
  /** The server restarts or goes away: come back after the time that `goodbye` tells. */
  readonly restart: 1012;
  /** What was sent was not taken fast enough. */
  readonly tryLater: 1013;
  /** The credentials are no longer valid. */
  readonly expired: 4001;
  /** The server has ended this connection for good: do not come back by yourself. */
  readonly ended: 4003;
} = Object.freeze({
  unsupported: 1003,
  policy: 1008,
  restart: 1012,
  tryLater: 1013,
  expired: 4001,
  ended: 4003,
});

/** Where a client was: the channel's epoch, and the offset of the last event that it had of it. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** What a client may send. Each is answered by `ack` or `error` with the same `id`. */
export type ClientMessage =
  | {
      readonly type: 'subscribe';
      readonly id: number;
      readonly channel: string;
      /** Asks for what was missed since. */
      readonly since?: Position | undefined;
    }
  | { readonly type: 'unsubscribe'; readonly id: number; readonly channel: string }
  | {
      readonly type: 'publish';
      readonly id: number;
      readonly channel: string;
      readonly data: unknown;
      /** A correlation to go on with, as `inject` of a propagator writes it. */
      readonly carrier?: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly type: 'auth'; readonly id: number; readonly token: string }
  | { readonly type: 'ping'; readonly id: number };

/** Why events are missing. `slow`: they were dropped because they were not taken; `bus`: another process's never came. */
export type GapReason = 'slow' | 'bus';

/** What the server sends. */
export type ServerMessage =
  | {
      readonly type: 'hello';
      readonly version: number;
      /** The connection's id, by which the server's log knows it. */
      readonly connection: string;
      /** How often the server looks for signs of life; a client that hears nothing for so long may `ping`. */
      readonly heartbeatMs: number;
      /** When the credentials end, in ms since the epoch. */
      readonly expiresAt?: number | undefined;
    }
  | {
      readonly type: 'ack';
      readonly id: number;
      /** Of a subscription: where the channel is. What follows it has higher offsets. */
      readonly epoch?: string | undefined;
      readonly offset?: number | undefined;
      /** Where `since` was given: whether everything that was missed follows. */
      readonly recovered?: boolean | undefined;
      /** Of a subscription to a channel with presence: who is there. */
      readonly members?: readonly string[] | undefined;
      /** Of `auth`: when the new credentials end. */
      readonly expiresAt?: number | undefined;
    }
  | {
      readonly type: 'event';
      readonly channel: string;
      readonly offset: number;
      readonly data: unknown;
      readonly carrier?: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly type: 'gap';
      readonly channel: string;
      readonly reason: GapReason;
      /** Where the channel goes on; positions of another epoch are of no use any more. */
      readonly epoch: string;
      /** First and last offset that are missing; absent where that is not known. */
      readonly from?: number | undefined;
      readonly to?: number | undefined;
    }
  | {
      readonly type: 'presence';
      readonly channel: string;
      readonly join?: readonly string[] | undefined;
      readonly leave?: readonly string[] | undefined;
      /** All of them, where changes were left out. */
      readonly members?: readonly string[] | undefined;
    }
  | {
      readonly type: 'unsubscribed';
      readonly channel: string;
      readonly code: string;
      readonly detail: string;
    }
  | { readonly type: 'expiring'; readonly inMs: number }
  | { readonly type: 'goodbye'; readonly reconnectInMs: number }
  | {
      readonly type: 'error';
      /** Of the message that was refused; absent where it could not be read. */
      readonly id?: number | undefined;
      readonly code: string;
      readonly detail: string;
      readonly retryInMs?: number | undefined;
      readonly issues?: readonly Issue[] | undefined;
    };

/** What a schema has found. */
export interface Issue {
  readonly message: string;
  /** JSON Pointer (RFC 6901) into `data`. */
  readonly pointer: string;
}

/** The longest name of a channel, in UTF-16 units. */
export const MAX_CHANNEL_LENGTH = 256;

/** A name has no white space, no control characters and no lone surrogates, which no two sides would spell alike. */
const CHANNEL = /^[^\s\p{Cc}\p{Cs}]+$/u;

/** Whether a channel may have this name. */
export function isChannelName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CHANNEL_LENGTH && CHANNEL.test(value);
}

/** Reads what a client has sent. Answers what is wrong with it as text. Members that are not known are ignored. */
export function readClientMessage(text: string): ClientMessage | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'The message is not JSON.';
  }
  if (typeof value !== 'object' || value === null) return 'The message must be an object.';
  const { type, id, channel, since, data, carrier, token } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(id) || (id as number) < 0) {
    return 'The message needs an "id": a whole number that its answer will carry.';
  }
  const own = id as number;
  switch (type) {
    case 'ping':
      return { type, id: own };
    case 'auth':
      return typeof token === 'string'
        ? { type, id: own, token }
        : 'The message needs a "token": text.';
    case 'subscribe':
    case 'unsubscribe':
    case 'publish':
      break;
    default:
      return 'The message needs a "type": subscribe, unsubscribe, publish, auth or ping.';
  }
  if (!isChannelName(channel)) {
    return `The message needs a "channel": at most ${MAX_CHANNEL_LENGTH} characters, none of them white space.`;
  }
  if (type === 'unsubscribe') return { type, id: own, channel };
  if (type === 'publish') {
    return { type, id: own, channel, data, carrier: isRecord(carrier) ? carrier : undefined };
  }
  if (since !== undefined && !isPosition(since)) {
    return 'The member "since" must have an "epoch", text, and an "offset", a whole number.';
  }
  return { type, id: own, channel, since };
}

/** The id of a message that is otherwise wrong, for its refusal. */
export function idOf(text: string): number | undefined {
  try {
    const { id } = JSON.parse(text) as { readonly id?: unknown };
    return Number.isSafeInteger(id) ? (id as number) : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPosition(value: unknown): value is Position {
  if (!isRecord(value)) return false;
  const { epoch, offset } = value;
  return typeof epoch === 'string' && Number.isSafeInteger(offset) && (offset as number) >= 0;
}
