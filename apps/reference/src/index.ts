/** Starts the service: `pnpm demo`. */
import type { AddressInfo } from 'node:net';

import { createApp } from './app.ts';
import { readConfig } from './settings.ts';
import { refuseTakenPort } from './taken-port.ts';
import { startWeatherProcess } from './weather/weather-process.ts';

try {
  const config = readConfig();
  for (const { message } of config.warnings) console.warn(message);
  await refuseTakenPort(config.values.PORT, config.values.HOST);
  const weatherUrl = config.values.WEATHER_URL ?? (await startWeatherProcess());
  const { stack } = await createApp(config, { weatherUrl });
  console.log(`${String(stack.explain())}\n`);
  const server = await stack.listen(config.values.PORT, config.values.HOST);
  console.log(`places and trips: http://localhost:${(server.address() as AddressInfo).port}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
