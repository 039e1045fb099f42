/** The reference app as it runs by default, but for limits by client, in memory, with the larger cities, and silent. */
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';

const { stack } = await createApp(
  readConfig({
    DATA_DIR: ':memory:',
    MIN_POPULATION: '15000',
    LOG_LEVEL: 'SILENT',
    // All of the load is one client.
    ENABLE_RATE_LIMIT: 'false',
  }),
);
announce(await stack.listen(0, '127.0.0.1'), true);
