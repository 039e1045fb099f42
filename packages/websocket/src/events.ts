/** What a server tells of itself as it happens. */
import { type Exchange, Listeners } from '@org/core';

import type { Member } from './member.ts';

/** Name of the diagnostics channel; messages are `WebsocketEvent`s. */
export const WEBSOCKET_CHANNEL = '@org/websocket';

/** Something that happened. */
export type WebsocketEvent =
  | { readonly type: 'opened'; readonly member: Member }
  | {
      readonly type: 'closed';
      readonly member: Member;
      /** RFC 6455 §7.1.5; 1006 where the connection broke. */
      readonly code: number;
      readonly durationMs: number;
    }
  /** An upgrade was refused. */
  | { readonly type: 'refused'; readonly code: string; readonly exchange: Exchange }
  /** A connection was ended because it took too little. */
  | { readonly type: 'slow'; readonly member: Member; readonly why: string }
  /** A connection was ended because it did not answer. */
  | { readonly type: 'dead'; readonly member: Member }
  /** Messages of other processes were lost on the bus. */
  | { readonly type: 'gap' };

/** Who hears of it. */
export type WebsocketEvents = Pick<Listeners<WebsocketEvent>, 'listening' | 'tell'>;

/** The listeners of one server. */
export function websocketEvents(
  hook: ((event: WebsocketEvent) => unknown) | undefined,
): Listeners<WebsocketEvent> {
  return new Listeners(WEBSOCKET_CHANNEL, hook, 'websocket onEvent');
}
