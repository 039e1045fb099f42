/** From where on a value is worth a look (`warn`), or needs one (`bad`). */

export const ERROR_RATIO: Threshold = [0.01, 0.05];
/** Past 70 % of one core, waiting times grow faster than the load. */
export const LOOP_UTILIZATION: Threshold = [0.7, 0.9];
/** Delay of the event loop, 99th percentile, in ms. */
export const LOOP_DELAY_MS: Threshold = [100, 500];
export const POOL_SATURATION: Threshold = [0.8, 1];

/** `warn` from the first on, `bad` from the second on. */
export type Threshold = readonly [warn: number, bad: number];
