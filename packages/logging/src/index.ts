export { type LevelInput, type LevelName, LEVELS } from './levels.ts';
export { lineTransport } from './line-transport.ts';
export type { LogFields, Logger } from './logger.ts';
export { type Logging, logging } from './logging.ts';
export { LOGGING_DEFAULTS, type LoggingOptions } from './options.ts';
export type { RequestLike } from './request-context.ts';
