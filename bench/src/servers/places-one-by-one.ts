/** The reference app without batching: what its lists load key by key is a statement each. */
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';
import { batchingWith } from './batching-with.ts';
import { placesEnvironment } from './places-settings.ts';

const oneByOne = batchingWith((load) => ({
  load: async (key) => {
    const [value] = await load([key]);
    if (value instanceof Error) throw value;
    return value;
  },
}));
const { stack } = await createApp(readConfig(placesEnvironment(false)), { batching: oneByOne });
announce(await stack.listen(0, '127.0.0.1'));
