/** Our channels, as they are: with a history, and a policy for those who read slowly. */
import { createServer } from 'node:http';
import { websocket } from '@org/websocket';
import express from 'express';
import { announce } from './announce.ts';
import { broadcastRoutes } from './broadcast-routes.ts';

const channels = websocket({ maxConnectionsPerAddress: 1000, channels: { news: {} } });
const app = express();
app.use(channels);
broadcastRoutes('channels', (data) => channels.publish('news', data), app);
const server = createServer(app);
channels.listenTo(server);
server.listen(0, '127.0.0.1', () => announce(server));
