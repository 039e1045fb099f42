export {
  type Authorise,
  channel,
  type ChannelAction,
  CHANNEL_DEFAULTS,
  type ChannelOptions,
  type ChannelParams,
  type Published,
} from './channel-options.ts';
export { WEBSOCKET_CHANNEL, type WebsocketEvent } from './events.ts';
export { bearerOf } from './handshake.ts';
export type { HistoryOptions } from './history.ts';
export type { Identity, Member } from './member.ts';
export {
  type Authenticate,
  type Reauthenticate,
  WEBSOCKET_DEFAULTS,
  type WebsocketOptions,
} from './options.ts';
export type { Origins } from './origin.ts';
export type { SlowPolicy } from './outbox.ts';
export {
  type ClientMessage,
  CLOSE,
  type GapReason,
  type Issue,
  type Position,
  PROTOCOL_VERSION,
  type ServerMessage,
  SUBPROTOCOL,
} from './protocol.ts';
export { type Channels, type Websocket, websocket } from './websocket.ts';
