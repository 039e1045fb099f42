export { dedup, DEDUP_DEFAULTS, type DedupOptions } from './dedup.ts';
