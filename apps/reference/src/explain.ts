/** Prints the chain of middleware and the reason for each place, and starts nothing: `pnpm explain`. */
import { createApp } from './app.ts';
import { readSettings } from './settings.ts';

console.log(String(createApp(readSettings(process.env)).stack.explain()));
