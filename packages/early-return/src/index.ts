export { earlyReturn, EARLY_RETURN_DEFAULTS, type EarlyReturnOptions } from './early-return.ts';
