/** Starts the weather service: `PORT`, 0 for a free one, and `FAULTS`, a script as JSON. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { readScript } from './faults.ts';
import { weatherServer } from './server.ts';

const { PORT = '0', FAULTS = '{}' } = process.env;

const server = weatherServer(readScript(JSON.parse(FAULTS)));
server.listen(Number(PORT), '127.0.0.1');
await once(server, 'listening');
console.log(`weather: http://127.0.0.1:${(server.address() as AddressInfo).port}`);

process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
// A Ctrl-C reaches whoever started it, too, who may need the weather until the end.
process.on('SIGINT', () => undefined);
// Whoever started it has gone, and with it the reason to run.
process.once('disconnect', () => process.exit(0));
