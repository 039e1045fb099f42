export {
  COALESCING_CHANNEL,
  type CoalescingEvent,
  type CoalescingEventType,
  type OnCoalescingEvent,
} from './coalescing-events.ts';
export { COALESCING_DEFAULTS, type CoalescingOptions } from './coalescing-options.ts';
export { coalescing } from './coalescing.ts';
export { dedup, DEDUP_DEFAULTS, type DedupOptions } from './dedup.ts';
export { type BodyFingerprint, canonicalJson } from './fingerprint.ts';
export type { RecordStore } from './guarded-store.ts';
export {
  IDEMPOTENCY_CHANNEL,
  type IdempotencyEvent,
  type IdempotencyEventType,
  type OnIdempotencyEvent,
} from './idempotency-events.ts';
export { MAX_KEY_LENGTH, parseIdempotencyKey } from './idempotency-key.ts';
export {
  IDEMPOTENCY_DEFAULTS,
  type IdempotencyOptions,
  type KeepingOptions,
  type KeyPolicy,
} from './idempotency-options.ts';
export { type GivenAnswer, type Idempotency, idempotency, type Resolution } from './idempotency.ts';
export type { KeyRules, Required } from './keyed-request.ts';
export { defaultOutcome, type Outcome, type OutcomePolicy } from './outcome.ts';
export type {
  FinishedRecord,
  IdempotencyRecord,
  IndeterminateRecord,
  KeptAnswer,
  RunningRecord,
} from './record.ts';
export { REPLAYED_HEADER } from './replay.ts';
export type { TransactionAnswer } from './transaction-answer.ts';
export type { RecordedAnswer, Taken, Taking, TransactionRecords } from './transaction-records.ts';
export {
  type Transaction,
  transactional,
  type Transactional,
  TRANSACTIONAL_DEFAULTS,
  type TransactionalOptions,
  type TransactionHandler,
} from './transactional.ts';
