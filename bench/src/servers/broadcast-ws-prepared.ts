/** ws with a frame that is made once, by the part of it that makes frames, and written to each socket. */
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import * as library from 'ws';
import { announce } from './announce.ts';
import { broadcastRoutes } from './broadcast-routes.ts';

const { Sender } = library as unknown as {
  readonly Sender: { frame(data: Buffer, options: object): Buffer[] };
};
const FRAME = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };

const clients = new Set<Duplex>();
const app = broadcastRoutes('plain', (data) => {
  const text = JSON.stringify({ type: 'event', channel: 'news', data });
  const frame = Buffer.concat(Sender.frame(Buffer.from(text), FRAME));
  for (const client of clients) client.write(frame);
});
const server = createServer(app);
const sockets = new library.WebSocketServer({ noServer: true });
server.on('upgrade', (req, socket, head) => {
  sockets.handleUpgrade(req, socket, head, () => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
});
server.listen(0, '127.0.0.1', () => announce(server));
