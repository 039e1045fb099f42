/** The reference app with a DataLoader for each request. */
import DataLoader from 'dataloader';
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';
import { batchingWith } from './batching-with.ts';
import { placesEnvironment } from './places-settings.ts';

const byDataLoader = batchingWith(
  (load) => new DataLoader<unknown, unknown>(load, { maxBatchSize: 100 }),
);
const { stack } = await createApp(readConfig(placesEnvironment(false)), { batching: byDataLoader });
announce(await stack.listen(0, '127.0.0.1'));
