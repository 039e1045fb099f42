/** The reference app as it is: with our cache. */
import { createApp } from 'reference/app';
import { readConfig } from 'reference/settings';
import { announce } from './announce.ts';
import { placesEnvironment } from './places-settings.ts';

const { stack } = await createApp(readConfig(placesEnvironment(true)));
announce(await stack.listen(0, '127.0.0.1'));
