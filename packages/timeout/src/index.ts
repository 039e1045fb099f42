export { timeout, TIMEOUT_DEFAULTS, type TimeoutOptions } from './timeout.ts';
