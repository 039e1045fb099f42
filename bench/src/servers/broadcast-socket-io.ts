/** socket.io over WebSockets alone, to everybody in a room. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { announce } from './announce.ts';
import { broadcastRoutes } from './broadcast-routes.ts';

const server = createServer(
  broadcastRoutes('socket.io', (data) => io.to('news').emit('event', data)),
);
const io = new Server(server, { transports: ['websocket'] });
io.on('connection', (socket) => void socket.join('news'));
server.listen(0, '127.0.0.1', () => announce(server));
