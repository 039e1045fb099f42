/** The options of logging, their defaults and their checks. */
import {
  clockCheck,
  type Check,
  boolean,
  bytes,
  type Checks,
  type Clock,
  durationMs,
  type Exchange,
  func,
  integer,
  listOf,
  oneOf,
  ratio,
  recordOf,
  shape,
  systemClock,
  text,
} from '@org/core';
import type winston from 'winston';

import type { UrlPart } from './access-line.ts';
import { LEVEL_CHOICE, type LevelInput, levelNumber } from './levels.ts';
import type { RequestLike } from './request-context.ts';

/** What logging can be told. */
export interface LoggingOptions {
  /** Least grave level that is written; a name in any case, or `silent`. @default "info" */
  level: LevelInput;
  /** Levels by namespace or family: `{ 'db.*': 'debug' }`. @default {} */
  levels: Readonly<Record<string, LevelInput>>;
  /** `json`, `pretty` for people, or `auto`: pretty where a transport writes to a terminal. @default "auto" */
  format: 'auto' | 'json' | 'pretty';
  /** Winston transports. They are ended by `close()`. @default one that writes lines to stdout */
  transports: readonly winston.transport[] | undefined;
  /** Fields of every line, such as the service's name. Nearer fields win. @default {} */
  fields: object;
  /** Write a line per request. @default true */
  access: boolean;
  /** How much of the URL an access line shows; `full` hides parameters by their names. @default "path" */
  url: UrlPart;
  /** Requests that get no access line. @default none */
  skip: ((exchange: Exchange) => boolean) | undefined;
  /** Share of access lines written; failed and slow requests are always written. @default 1 */
  sampleRatio: number;
  /** Shares of application lines written, by level: `{ debug: 0.1 }`. @default {} */
  sampleRatios: Readonly<Record<string, number>>;
  /** From here on a request is slow, in ms. @default 1000 */
  slowMs: number;
  /** Lines down to this level are kept for a request that fails or is slow; `silent` keeps none. @default "debug" */
  tailLevel: LevelInput;
  /** Lines kept for one request; the oldest give way. @default 100 */
  tailMaxLines: number;
  /** Bytes of memory kept for all requests together. @default 4194304 */
  tailMaxBytes: number;
  /** More keys whose values are secret, in any case; `*` at the start means "ends with". @default [] */
  redactKeys: readonly string[];
  /** Paths from the line's fields to what is secret: `user.card`, `items.*.card`. @default [] */
  redactPaths: readonly string[];
  /** Patterns of what is secret inside any text. @default [] */
  redactPatterns: readonly RegExp[];
  /** Redact the built-in keys (passwords, tokens, cookies …) and patterns (credentials, JWTs) too. @default true */
  redactDefaults: boolean;
  /** How long a line may wait for others, in ms. @default 100 */
  flushIntervalMs: number;
  /** What may wait for one transport, in bytes of memory; what does not fit is dropped and counted. @default 8388608 */
  maxBufferBytes: number;
  /** A transport that takes longer than this is reported by health, in ms. @default 5000 */
  stallMs: number;
  /** The request that the caller works for, where an async context knows it. @default none */
  current: (() => RequestLike | undefined) | undefined;
  /** Source of time. @default the machine's */
  clock: Clock;
  /** Source of randomness for sampling, from 0 to below 1. @default Math.random */
  random: () => number;
}

export const LOGGING_DEFAULTS: Readonly<LoggingOptions> = Object.freeze<LoggingOptions>({
  level: 'info',
  levels: Object.freeze({}),
  format: 'auto',
  transports: undefined,
  fields: Object.freeze({}),
  access: true,
  url: 'path',
  skip: undefined,
  sampleRatio: 1,
  sampleRatios: Object.freeze({}),
  slowMs: 1000,
  tailLevel: 'debug',
  tailMaxLines: 100,
  tailMaxBytes: 4 * 1024 * 1024,
  redactKeys: Object.freeze([]),
  redactPaths: Object.freeze([]),
  redactPatterns: Object.freeze([]),
  redactDefaults: true,
  flushIntervalMs: 100,
  maxBufferBytes: 8 * 1024 * 1024,
  stallMs: 5000,
  current: undefined,
  clock: systemClock,
  random: Math.random,
});

const level: Check<LevelInput> = {
  expected: `a level: ${LEVEL_CHOICE}`,
  accepts: (value): value is LevelInput => levelNumber(value) !== undefined,
};

const ratiosByLevel: Check<Readonly<Record<string, number>>> = {
  expected: 'an object of shares from 0 to 1 by level',
  accepts: (value): value is Readonly<Record<string, number>> =>
    recordOf(ratio()).accepts(value) &&
    Object.keys(value).every((name) => (levelNumber(name) ?? -1) >= 0),
};

export const LOGGING_CHECKS: Checks<LoggingOptions> = Object.freeze<Checks<LoggingOptions>>({
  level,
  levels: recordOf(level),
  format: oneOf('auto', 'json', 'pretty'),
  transports: listOf(shape<winston.transport>('a winston transport', ['write', 'end', 'on'])),
  fields: shape<object>('an object', []),
  access: boolean(),
  url: oneOf('path', 'full', 'none'),
  skip: func(),
  sampleRatio: ratio(),
  sampleRatios: ratiosByLevel,
  slowMs: durationMs(),
  tailLevel: level,
  tailMaxLines: integer({ min: 1, max: 10_000 }),
  tailMaxBytes: bytes({ min: 1024 }),
  redactKeys: listOf(text({ expected: 'a name', pattern: /[\p{L}\p{N}]/u })),
  redactPaths: listOf(text()),
  redactPatterns: listOf<RegExp>({
    expected: 'a regular expression',
    accepts: (value): value is RegExp => value instanceof RegExp,
  }),
  redactDefaults: boolean(),
  flushIntervalMs: durationMs({ max: 60_000 }),
  maxBufferBytes: bytes({ min: 1024 }),
  stallMs: durationMs({ min: 1 }),
  current: func(),
  clock: clockCheck,
  random: func(),
});
