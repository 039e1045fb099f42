/** One process builds every package: loading esbuild once is most of what a build costs. */
import { readdirSync } from 'node:fs';
import type { Options } from 'tsup';
import { bundle } from './scripts/bundle.ts';

const config: Options[] = readdirSync('packages').flatMap((name) => bundle(`packages/${name}`));
export default config;
