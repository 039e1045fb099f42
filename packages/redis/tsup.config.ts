import type { Options } from 'tsup';
import { bundle } from '../../scripts/bundle.ts';

const config: Options[] = bundle('.');
export default config;
