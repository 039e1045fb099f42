export type { CheckFunction, CheckResult, CheckStatus, OnCheckChange } from './check.ts';
export { HEALTH_JSON } from './document.ts';
export { type Health, health } from './health.ts';
export {
  type CheckOptions,
  type CheckSpec,
  HEALTH_DEFAULTS,
  type HealthOptions,
} from './options.ts';
