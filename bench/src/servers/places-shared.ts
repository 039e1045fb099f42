/** The reference app with batches that requests share: countries are the same for everybody. */
import { batch, type Batch } from '@org/batch';
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';
import { placesEnvironment } from './places-settings.ts';

const config = readConfig(placesEnvironment(false));
const batching = batch(config.options('batch'));
const shared: Pick<Batch, 'batcher'> = {
  batcher: (name, load, options) =>
    batching.batcher(name, load, { ...options, shared: true, partition: 'none' }),
};
const { stack } = await createApp(config, shared);
announce(await stack.listen(0, '127.0.0.1'));
