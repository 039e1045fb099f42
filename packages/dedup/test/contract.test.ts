import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  coalescing,
  type CoalescingOptions,
  dedup,
  type DedupOptions,
  idempotency,
  type IdempotencyOptions,
} from '@org/dedup';

middlewareContract<Partial<DedupOptions>>('dedup', {
  factory: dedup,
  example: { partition: 'principal' },
  setup,
});

middlewareContract<Partial<IdempotencyOptions>>('idempotency', {
  factory: idempotency,
  example: { retentionMs: 120_000 },
  setup,
});

middlewareContract<Partial<CoalescingOptions>>('coalescing', {
  factory: coalescing,
  example: { maxWaitMs: 1000 },
  setup,
});
