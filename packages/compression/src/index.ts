export { compression, COMPRESSION_DEFAULTS, type CompressionOptions } from './compression.ts';
