/**
 * Seconds that were probably meant as milliseconds: elsewhere most times are in them, and
 * 30000 is a valid number of seconds. Whoever moves from there is told, since nothing fails.
 */
import type { Setting } from './setting.ts';
import type { ConfigWarning } from './warnings.ts';

const HOUR_S = 3600;
const DAY_S = 86_400;
/** Ten seconds in ms; below it, a thousand divides times that people do mean in seconds. */
const LEAST = 10_000;

/** A warning for a value in seconds that only makes sense in ms. */
export function unitSlip(
  name: string,
  setting: Setting,
  value: unknown,
  source: string,
): ConfigWarning | undefined {
  if (!('unit' in setting) || setting.unit !== 's' || typeof value !== 'number') return undefined;
  // Ten hours and ten days are round in seconds too; 600,000 s are neither.
  const spoken = value % (value <= DAY_S ? HOUR_S : DAY_S) === 0;
  if (value < LEAST || value % 1000 !== 0 || spoken) return undefined;
  const hours = Math.round(value / 360) / 10;
  return {
    code: 'milliseconds-for-seconds',
    names: [name],
    message: `${name} (${source}) is in seconds: ${value} are ${hours} hours. If you mean milliseconds, write ${value / 1000}.`,
  };
}
