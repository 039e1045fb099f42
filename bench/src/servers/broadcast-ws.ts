/** ws: the text is made once, and sent to each. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { announce } from './announce.ts';
import { broadcastRoutes } from './broadcast-routes.ts';

const app = broadcastRoutes('plain', (data) => {
  const text = JSON.stringify({ type: 'event', channel: 'news', data });
  for (const client of sockets.clients) client.send(text);
});
const server = createServer(app);
const sockets = new WebSocketServer({ server, path: '/live' });
server.listen(0, '127.0.0.1', () => announce(server));
