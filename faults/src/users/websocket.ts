/** Events between two processes over the bus: they arrive, or whoever listens is told that some are missing. */
import { websocket, type Websocket } from '@org/websocket';
import { type Client, connect } from '@org/websocket/client';
import { WebSocket } from 'ws';

import { connectedStore, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Subject, Surroundings, User } from '../user.ts';

const CHANNEL = 'trips/1';
const ANNOUNCE_MS = 1000;
const LISTENERS = 5;
/** Long: a busy machine is no reason to give an event up. */
const PATIENCE_MS = 10_000;

export const websocketUser: User = {
  name: 'websocket',
  policy: 'listeners have every event, or are told that some are missing',
  limitMs: undefined,
  clusters: true,
  async start({ address }: Surroundings): Promise<Subject> {
    const here = await site(address);
    const there = await site(address);
    const near = await listen(here.url);
    const far = await Promise.all(Array.from({ length: LISTENERS }, () => listen(there.url)));
    let published = 0;
    const publish = (): number => {
      here.live.publish(CHANNEL, ++published);
      return published;
    };
    /** Whether a new event comes to everybody; on a busy machine one may be too late for the store. */
    const arrives = (): Promise<boolean> => {
      const event = publish();
      return until(() => far.every(({ last }) => last >= event), 500);
    };

    return {
      stores: [here.store, there.store],
      allowed: new Set([200]),
      /** Those who are connected to the process that publishes wait for no other. */
      async ask() {
        const event = publish();
        return (await until(() => near.last >= event, PATIENCE_MS)) ? 200 : 504;
      },
      isShared: arrives,
      async during(_situation, findings) {
        const event = publish();
        const isHeard = await until(() => near.last >= event, PATIENCE_MS);
        findings.claim(isHeard, 'those in the same process have their events');
      },
      async after(_situation, findings) {
        const isHeard = await until(arrives, ANNOUNCE_MS * 5);
        findings.claim(isHeard, 'what is published afterwards comes to everybody');
        findings.claim(near.missing === 0, `${near.missing} events missing in the same process`);
        const missing = far.reduce((sum, listener) => sum + listener.missing, 0);
        const untold = far.reduce((sum, listener) => sum + listener.untold, 0);
        findings.claim(untold === 0, `${untold} times events were missing and nobody was told`);
        const double = far.reduce((sum, listener) => sum + listener.double, 0);
        findings.claim(double === 0, `${double} events came twice`);
        findings.note(
          `${published} events to ${LISTENERS} listeners: ${missing} did not come, ${untold === 0 ? 'each gap told' : 'not each gap told'}`,
        );
      },
      async close() {
        for (const { client } of [near, ...far]) client.close();
        await here.close();
        await there.close();
      },
    };
  },
};

interface Site extends Service {
  readonly store: Subject['stores'][number];
  readonly live: Websocket;
}

async function site(address: Surroundings['address']): Promise<Site> {
  const store = await connectedStore(address);
  const live = websocket({
    bus: store,
    announceMs: ANNOUNCE_MS,
    channels: { 'trips/:id': {} },
  });
  const service = await serve((app) => void app.use(live), [live, store]);
  live.listenTo(service.server);
  await live.start();
  return { ...service, store, live };
}

/** What one listener has heard of events that count up from 1. */
class Heard {
  last: number = 0;
  missing: number = 0;
  untold: number = 0;
  double: number = 0;
  readonly client: Client;
  private isTold: boolean = false;

  constructor(client: Client) {
    this.client = client;
  }

  event(number: number): void {
    if (number <= this.last) {
      this.double++;
      return;
    }
    const missing = number - this.last - 1;
    this.missing += missing;
    if (missing > 0 && !this.isTold) this.untold++;
    this.isTold = false;
    this.last = number;
  }

  gap(): void {
    this.isTold = true;
  }
}

function listen(url: string): Promise<Heard> {
  const client = connect(`${url.replace('http', 'ws')}/live`, { WebSocket });
  const heard = new Heard(client);
  return new Promise((resolve) => {
    client.subscribe<number>(CHANNEL, {
      onEvent: (number) => heard.event(number),
      onGap: () => heard.gap(),
      onReady: () => resolve(heard),
    });
  });
}
