/** Starts the service: `pnpm demo`. */
import type { AddressInfo } from 'node:net';

import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

try {
  const settings = readSettings(process.env);
  const { stack } = createApp(settings);
  console.log(`${String(stack.explain())}\n`);
  const server = await stack.listen(settings.port, settings.host);
  console.log(`places and trips: http://localhost:${(server.address() as AddressInfo).port}`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void stack.close());
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
