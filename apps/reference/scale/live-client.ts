/** A client of the service's channels that remembers what it has heard. */
import { type Client, connect } from '@org/websocket/client';
import { WebSocket } from 'ws';

import { keyOf } from './fleet.ts';

/** Who listens, and what they have heard by now. */
export interface LiveClient {
  readonly client: Client;
  /** Every event, by channel. */
  readonly heard: ReadonlyMap<string, readonly unknown[]>;
  /** How often events were missing, and known to be. */
  readonly gaps: number;
  /** How often it has connected. */
  readonly connects: number;
  /** Resolves when nothing is missed from now on. */
  listen(channel: string): Promise<void>;
}

/** Connects to a process or to the balancer, as `owner`. */
export function liveClient(url: string, owner: string): LiveClient {
  const heard = new Map<string, unknown[]>();
  let gaps = 0;
  let connects = 0;
  const client = connect(`${url.replace('http', 'ws')}/live`, {
    WebSocket,
    token: () => keyOf(owner),
    onState: (state) => {
      if (state === 'open') connects++;
    },
  });
  return {
    client,
    heard,
    get gaps() {
      return gaps;
    },
    get connects() {
      return connects;
    },
    listen: (channel) =>
      new Promise((resolve, reject) => {
        const events: unknown[] = [];
        heard.set(channel, events);
        client.subscribe(channel, {
          onEvent: (data) => void events.push(data),
          onReady: resolve,
          onGap: () => void gaps++,
          onError: reject,
        });
      }),
  };
}
