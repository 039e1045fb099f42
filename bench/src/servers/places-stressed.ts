/** The reference app as it runs by default, in memory, with the larger cities, and silent. */
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';

const { stack } = await createApp(
  readConfig({ DATA_DIR: ':memory:', MIN_POPULATION: '15000', LOG_LEVEL: 'SILENT' }),
);
announce(await stack.listen(0, '127.0.0.1'), true);
