export {
  type Expiry,
  type OnTimeout,
  type RouteTimeout,
  TIMEOUT_CHANNEL,
  TIMEOUT_DEFAULTS,
  type TimeoutAnswer,
  type TimeoutMessage,
  type TimeoutOptions,
} from './options.ts';
export { timeout, type Timeout } from './timeout.ts';
