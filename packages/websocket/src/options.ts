/** The options of the server, their defaults and their checks. */
import {
  boolean,
  type Bus,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  type MaybePromise,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { ChannelOptions } from './channel-options.ts';
import type { WebsocketEvent } from './events.ts';
import type { Identity, Member } from './member.ts';
import { normalOrigin, type Origins } from './origin.ts';

/** Finds out who opens a connection; nothing for somebody who may not. `bearerOf` reads a token. */
export type Authenticate = (exchange: Exchange) => MaybePromise<Identity | undefined>;

/** Finds out whose a new token is, which a client sends before the old one ends; nothing where it is not valid. */
export type Reauthenticate = (token: string, member: Member) => MaybePromise<Identity | undefined>;

/** What a server is told. */
export interface WebsocketOptions {
  /** Where connections are opened: a path, compared as it is. @default "/live" */
  readonly path: string;
  /** Kinds of channels by pattern, such as `trips/:id`; the first that matches counts. @default {} */
  readonly channels: Readonly<Record<string, ChannelOptions>>;
  /** Pages that may connect, by their Origin. @default "same" */
  readonly origins: Origins;
  /** Who connects. @default everybody, by the principal that the protect phase found */
  readonly authenticate: Authenticate | undefined;
  /** Whose a new token is. @default tokens cannot be renewed */
  readonly reauthenticate: Reauthenticate | undefined;
  /** How long `authenticate` may take, in ms. @default 10_000 */
  readonly authenticateTimeoutMs: number;
  /** How long a connection stays once its credentials have ended, so that the client can renew them, in ms. @default 5_000 */
  readonly expiryGraceMs: number;
  /** Connections in total. @default 10_000 */
  readonly maxConnections: number;
  /** Connections of one network: an IPv4 address, or an IPv6 /56. @default 100 */
  readonly maxConnectionsPerAddress: number;
  /** Connections of one principal. @default 20 */
  readonly maxConnectionsPerPrincipal: number;
  /** Channels that one connection may listen to. @default 100 */
  readonly maxSubscriptions: number;
  /** Channels in total. @default 100_000 */
  readonly maxChannels: number;
  /** Members that a channel with presence shows. @default 1_000 */
  readonly maxMembers: number;
  /** The largest message of a client, in bytes. @default 65_536 */
  readonly maxMessageBytes: number;
  /** Messages of one connection a second, in the long run. @default 50 */
  readonly maxMessagesPerSecond: number;
  /** Messages of one connection at once. @default 100 */
  readonly messageBurst: number;
  /** Bytes that may wait for one connection. @default 1 MiB */
  readonly maxBufferedBytes: number;
  /** Bytes that may wait for all of them; beyond it those are ended who hold the most. @default 64 MiB */
  readonly maxTotalBufferedBytes: number;
  /** Bytes of all histories; beyond it the longest-kept are forgotten. @default 64 MiB */
  readonly maxHistoryBytes: number;
  /** How often a connection is pinged, in ms, in whole seconds; one that is silent until the next time is ended. @default 25_000 */
  readonly heartbeatMs: number;
  /** Over how long a time clients are spread who have to come back, in ms. @default 5_000 */
  readonly reconnectWindowMs: number;
  /** How long clients may take to say goodbye, in ms. @default 2_000 */
  readonly closeTimeoutMs: number;
  /** Carries events between processes. @default none: there is only this one */
  readonly bus: Bus | undefined;
  /** The bus's channel. @default "websocket" */
  readonly busChannel: string;
  /** How often processes tell each other how far they are, in ms. @default 5_000 */
  readonly announceMs: number;
  /** Whether upgrades to addresses of nobody are refused; without it whoever else listens has to answer them. @default true */
  readonly refuseOthers: boolean;
  /** The operators' route; `false`: none. @default "/api/middleware/websockets" */
  readonly monitoringPath: string | false;
  /** Who may see it, in place of loopback. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Told of everything that happens. @default nobody */
  readonly onEvent: ((event: WebsocketEvent) => unknown) | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
  /** A number from 0 to 1, for the jitter of reconnects. @default Math.random */
  readonly random: () => number;
}

export const WEBSOCKET_DEFAULTS: Readonly<WebsocketOptions> = Object.freeze<WebsocketOptions>({
  path: '/live',
  channels: Object.freeze({}),
  origins: 'same',
  authenticate: undefined,
  reauthenticate: undefined,
  authenticateTimeoutMs: 10_000,
  expiryGraceMs: 5_000,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  maxConnectionsPerPrincipal: 20,
  maxSubscriptions: 100,
  maxChannels: 100_000,
  maxMembers: 1_000,
  maxMessageBytes: 64 * 1024,
  maxMessagesPerSecond: 50,
  messageBurst: 100,
  maxBufferedBytes: 1024 * 1024,
  maxTotalBufferedBytes: 64 * 1024 * 1024,
  maxHistoryBytes: 64 * 1024 * 1024,
  heartbeatMs: 25_000,
  reconnectWindowMs: 5_000,
  closeTimeoutMs: 2_000,
  bus: undefined,
  busChannel: 'websocket',
  announceMs: 5_000,
  refuseOthers: true,
  monitoringPath: '/api/middleware/websockets',
  access: undefined,
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

/** RFC 3986 §3.3, without a query. */
const PATH: Check<string> = text({
  expected: 'a path that begins with a slash, without a query',
  pattern: /^\/[^?#\s]*$/,
});

const ORIGIN: Check<string> = {
  expected: 'an origin such as https://app.example.org, or null',
  accepts: (value): value is string =>
    typeof value === 'string' && (value === 'null' || normalOrigin(value) !== undefined),
};

const POSITIVE: Check<number> = integer({ min: 1 });

const CHECKS: Checks<WebsocketOptions> = {
  path: PATH,
  channels: recordOf(shape<ChannelOptions>('the options of a channel', [])),
  origins: either(
    either(oneOf('same', 'any'), listOf(ORIGIN)),
    func<Extract<Origins, (...args: never) => unknown>>(),
  ),
  authenticate: func<Authenticate>(),
  reauthenticate: func<Reauthenticate>(),
  authenticateTimeoutMs: durationMs({ min: 1 }),
  expiryGraceMs: durationMs(),
  maxConnections: POSITIVE,
  maxConnectionsPerAddress: POSITIVE,
  maxConnectionsPerPrincipal: POSITIVE,
  maxSubscriptions: POSITIVE,
  maxChannels: POSITIVE,
  maxMembers: POSITIVE,
  maxMessageBytes: bytes({ min: 128 }),
  maxMessagesPerSecond: POSITIVE,
  messageBurst: POSITIVE,
  maxBufferedBytes: bytes({ min: 1024 }),
  maxTotalBufferedBytes: bytes({ min: 1024 }),
  maxHistoryBytes: bytes({ min: 1024 }),
  heartbeatMs: durationMs({ min: 1000 }),
  reconnectWindowMs: durationMs(),
  closeTimeoutMs: durationMs(),
  bus: shape<Bus>('a bus', ['publish', 'subscribe']),
  busChannel: text({ expected: 'a name', pattern: /^\S+$/ }),
  announceMs: durationMs({ min: 1000 }),
  refuseOthers: boolean(),
  monitoringPath: either(PATH, oneOf(false)),
  access: monitoringAccess,
  onEvent: func<(event: WebsocketEvent) => unknown>(),
  clock: clockCheck,
  random: func<() => number>(),
};

/** @throws OptionError for unknown or wrong options; those of channels are checked with their patterns */
export function resolveWebsocketOptions(
  options: Given<WebsocketOptions> | undefined,
): Readonly<WebsocketOptions> {
  const resolved = resolveOptions('websocket', WEBSOCKET_DEFAULTS, CHECKS, options);
  if (resolved.path === resolved.monitoringPath) {
    throw new OptionError('websocket', [
      `"path" and "monitoringPath" are both ${resolved.path}; give one of them another.`,
    ]);
  }
  return resolved;
}
