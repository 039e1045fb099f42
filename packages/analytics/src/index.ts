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
export {
  ANALYTICS_MEMORY_STORE_DEFAULTS,
  analyticsMemoryStore,
  type AnalyticsMemoryStoreOptions,
} from './memory-store.ts';
export { ANALYTICS_DEFAULTS, type AnalyticsOptions } from './options.ts';
export {
  ANALYTICS_POSTGRES_STORE_DEFAULTS,
  analyticsPostgresStore,
  type AnalyticsPostgresStoreOptions,
  analyticsPostgresTable,
  type PostgresQuery,
} from './postgres-store.ts';
export type {
  ConsumersReport,
  ConsumerView,
  EndpointsReport,
  EndpointView,
  Page,
  PopularReport,
  Summary,
  UnusedReport,
  UseView,
} from './reports.ts';
export type { Retention, Tier } from './tiers.ts';
