/**
 * What a hit cannot beat: Node's own server, sending the very bytes that our cache sends,
 * looked up once at the start, in the coding that the client accepts.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cache } from '@org/cache';
import express from 'express';
import { announce } from './announce.ts';
import { addRoutes } from './routes.ts';

interface Known {
  readonly headers: string[];
  readonly body: Buffer;
}

const app = express();
app.use(cache({ compressThresholdBytes: 512 }));
addRoutes(app);
const model = app.listen(0, '127.0.0.1');
await once(model, 'listening');
const plain = await known('');
const gzip = await known('gzip');
model.close();

const server = createServer((req, res) => {
  const { headers, body } = req.headers['accept-encoding'] === 'gzip' ? gzip : plain;
  res.writeHead(200, headers);
  res.end(body);
});
server.listen(0, '127.0.0.1', () => announce(server));

/** A hit in a coding; it is coded in the background, so that the first hits come plainly. */
async function known(coding: string): Promise<Known> {
  for (;;) {
    const { port } = model.address() as AddressInfo;
    const headers = coding === '' ? {} : { 'accept-encoding': coding };
    const sent = request({ port, host: '127.0.0.1', headers, agent: false }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const body = Buffer.concat(await answer.toArray());
    const isHit = answer.headers.age !== undefined;
    if (!isHit || (answer.headers['content-encoding'] ?? '') !== coding) continue;
    const kept: string[] = [];
    for (let at = 0; at < answer.rawHeaders.length; at += 2) {
      const name = answer.rawHeaders[at]!;
      // Node's own, about the connection.
      if (/^(?:connection|keep-alive)$/i.test(name)) continue;
      kept.push(name, answer.rawHeaders[at + 1]!);
    }
    return { headers: kept, body };
  }
}
