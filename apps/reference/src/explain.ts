/** Prints the chain of middleware and the reason for each place, and starts nothing: `pnpm explain`. */
import { createApp } from './app.ts';
import { readConfig } from './settings.ts';

const { stack } = await createApp(readConfig());
console.log(String(stack.explain()));
await stack.close();
