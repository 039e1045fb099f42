export { type Analytics, analytics } from './analytics.ts';
export type {
  AnalyticsStore,
  Place,
  ReadRange,
  Row,
  RowKind,
  RowTier,
  Source,
} from './analytics-store.ts';
export type { ConsumerName } from './consumers.ts';
export type { DeclaredRoute } from './declared-routes.ts';
export type { Unrouted } from './endpoints.ts';
export type { Erasure } from './erasures.ts';
export type { Estimate, Withheld } from './estimate.ts';
export type { Latency } from './latency-sketch.ts';
export { MEMORY_STORE_DEFAULTS, memoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { ANALYTICS_DEFAULTS, type AnalyticsOptions } from './options.ts';
export {
  POSTGRES_STORE_DEFAULTS,
  postgresStore,
  type PostgresStoreOptions,
  postgresTable,
  type PostgresQuery,
} from './postgres-store.ts';
export type {
  ConsumerReport,
  ConsumersReport,
  ConsumerUse,
  ConsumerView,
  EndpointsReport,
  EndpointView,
  Page,
  PopularReport,
  Summary,
  UnusedReport,
  UseView,
} from './documents.ts';
export type { Retention, Tier } from './tiers.ts';
