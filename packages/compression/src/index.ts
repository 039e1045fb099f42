export { compression, type CompressionFactory } from './compression.ts';
export type { AnyOptions, DropInOptions } from './drop-in.ts';
export {
  COMPRESSION_CHANNEL,
  type CompressionEvent,
  type OnCompressionEvent,
  type Skip,
} from './events.ts';
export {
  type Coding,
  COMPRESSION_DEFAULTS,
  type CompressionOptions,
  type Filter,
  type ZstdOptions,
} from './options.ts';
export { precompressed, type PrecompressedOptions } from './precompressed.ts';
