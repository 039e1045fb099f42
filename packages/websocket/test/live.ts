/** A server of channels on a free port, alone or under setup, and clients that say what they like. */
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Middleware } from '@org/core';
import { setup } from '@org/setup';
import { type ClientMessage, type ServerMessage, type Websocket } from '@org/websocket';
import express, { type Express, type RequestHandler } from 'express';
import { WebSocket } from 'ws';

/** How a server is put together. */
export type Way = 'alone' | 'under setup';

export const WAYS: readonly Way[] = ['alone', 'under setup'];

/** A server of one test. */
export interface Live {
  readonly app: Express;
  readonly server: Server;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts `channels`, behind other middlewares. */
export async function start(
  channels: Websocket,
  way: Way = 'under setup',
  others: readonly Middleware[] = [],
): Promise<Live> {
  const app = express();
  const hello: RequestHandler = (_req, res) => void res.send('hello');
  if (way === 'under setup') {
    const stack = setup(app, [...others, channels]);
    app.get('/hello', hello);
    const server = await stack.listen(0, '127.0.0.1');
    return {
      app,
      server,
      url: urlOf(server),
      async close() {
        // Sooner than the stack would, which waits for connections first.
        await channels.close();
        await stack.close();
      },
    };
  }
  app.use([...others, ...channels]);
  app.get('/hello', hello);
  const server = createServer(app);
  channels.listenTo(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    app,
    server,
    url: urlOf(server),
    async close() {
      await channels.close();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A client of `ws` that keeps what it gets until somebody asks for it. */
export class Peer {
  readonly ws: WebSocket;
  /** What has come and was not asked for, in order. */
  readonly messages: ServerMessage[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly ended: Promise<{ code: number; reason: string }>;
  private lastId: number = 0;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      this.messages.push(JSON.parse(data.toString()) as ServerMessage);
      this.wake();
    });
    ws.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.wake();
      });
    });
  }

  /** Connects, and takes the hello. */
  static async open(
    { url }: Pick<Live, 'url'>,
    headers: Record<string, string> = {},
    path: string = '/live',
  ): Promise<Peer> {
    const ws = new WebSocket(`${url.replace('http', 'ws')}${path}`, 'channels.v1', { headers });
    const peer = new Peer(ws);
    await once(ws, 'open');
    await peer.next('hello');
    return peer;
  }

  /** The first message of a kind; those of others stay. */
  async next<T extends ServerMessage['type']>(type: T): Promise<MessageOf<T>> {
    for (;;) {
      const at = this.messages.findIndex((message) => message.type === type);
      if (at !== -1) return this.messages.splice(at, 1)[0] as MessageOf<T>;
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed before "${type}" came`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Sends a message, and waits for its answer. */
  async ask(
    message: Omit<ClientMessage, 'id'> & Record<string, unknown>,
  ): Promise<MessageOf<'ack'> | MessageOf<'error'>> {
    const id = ++this.lastId;
    this.ws.send(JSON.stringify({ id, ...message }));
    for (;;) {
      const at = this.messages.findIndex((one) => 'id' in one && one.id === id);
      if (at !== -1) return this.messages.splice(at, 1)[0] as MessageOf<'ack'>;
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error('closed before it was answered');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** @throws Error where it is refused */
  async subscribe(channel: string, since?: object): Promise<MessageOf<'ack'>> {
    const answer = await this.ask({ type: 'subscribe', channel, since });
    if (answer.type !== 'ack') throw new Error(`${answer.code}: ${answer.detail}`);
    return answer;
  }

  /** The code of a message's refusal, or `ack`. */
  async outcome(message: Parameters<Peer['ask']>[0]): Promise<string> {
    const answer = await this.ask(message);
    return answer.type === 'ack' ? 'ack' : answer.code;
  }

  /** Everything that was sent before has been worked on and has come. */
  async settle(): Promise<void> {
    await this.ask({ type: 'ping' });
  }

  closed(): Promise<{ code: number; reason: string }> {
    return this.ended;
  }

  async end(): Promise<void> {
    this.ws.close();
    await this.ended;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** What is answered to a request, of any protocol. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks for an upgrade, as a WebSocket unless `headers` say something else. */
export function upgrade(
  url: string,
  headers: Record<string, string | undefined> = {},
  method: string = 'GET',
): Promise<Answer> {
  const all: Record<string, string | undefined> = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers: given });
    asking.once('error', reject);
    asking.once('upgrade', (res, socket) => {
      socket.destroy();
      resolve({ status: res.statusCode!, headers: res.headers, body: '' });
    });
    asking.once('response', (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += String(chunk)));
      res.once('end', () => resolve({ status: res.statusCode!, headers: res.headers, body }));
    });
    asking.end();
  });
}

/** The code of a problem document. */
export function codeOf({ body }: Answer): string {
  return (JSON.parse(body) as { code: string }).code;
}
