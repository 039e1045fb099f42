/** What a kind of channel is told, its defaults and its checks. */
import {
  boolean,
  bytes,
  type Checks,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type MaybePromise,
  oneOf,
  OptionError,
  resolveOptions,
  shape,
} from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { HISTORY_DEFAULTS, type HistoryOptions } from './history.ts';
import type { Member } from './member.ts';
import type { SlowPolicy } from './outbox.ts';

/** The parts of a channel's name that its pattern names: text, or the segments of a `*wildcard`. */
export type ChannelParams = Readonly<Record<string, string | readonly string[]>>;

/** What somebody wants to do on a channel. */
export type ChannelAction = 'subscribe' | 'publish';

/** Whether somebody may. A promise that is true is a yes; what throws is a no, and is reported. */
export type Authorise = (
  member: Member,
  params: ChannelParams,
  action: ChannelAction,
) => MaybePromise<boolean>;

/** What a client has published, once it is authorised and valid. */
export interface Published<T = unknown> {
  readonly channel: string;
  readonly params: ChannelParams;
  /** What the schema has made of it. */
  readonly data: T;
}

/** A kind of channel. */
export interface ChannelOptions<T = unknown> {
  /** Who may subscribe, and publish where `publish` lets clients. @default everybody who is connected */
  readonly authorise?: Authorise | undefined;
  /** Whether clients may publish; the server always may. @default false */
  readonly publish?: boolean | undefined;
  /** What clients publish must pass this (Standard Schema: zod, valibot, arktype and others). @default anything */
  readonly schema?: StandardSchemaV1<unknown, T> | undefined;
  /**
   * Receives what clients publish. What it answers is sent to the channel in its place; `false`:
   * nothing is, and nothing (`undefined`): it is sent as it is. What it throws is the client's answer.
   * @default it is sent
   */
  readonly onPublish?: ((published: Published<T>, member: Member) => unknown) | undefined;
  /**
   * What those get who read slowly: the latest of each `key`, in the place of all; the latest
   * `maxQueued` and a `gap`; or the end of their connection (1013).
   * @default "dropOldest"
   */
  readonly slow?: SlowPolicy | undefined;
  /** Of `conflate`: events of one key replace each other. @default all of a channel do */
  readonly key?: ((data: unknown) => string) | undefined;
  /** Events that wait for one who reads slowly. @default 100 */
  readonly maxQueued?: number | undefined;
  /** What is kept for those who come back; `false`: nothing. @default { maxEvents: 100, maxAgeMs: 60_000, maxBytes: 262_144 } */
  readonly history?: Given<HistoryOptions> | false | undefined;
  /** Whether those on a channel are told who else is, and hear of changes. @default false */
  readonly presence?: boolean | undefined;
  /** Whether a client's message may name a correlation to go on with, and events carry that of whoever published them. @default false */
  readonly carrier?: boolean | undefined;
}

/**
 * Options of a channel whose `onPublish` knows what its schema makes: what is written into
 * `channels` directly has `unknown` data there.
 */
export function channel<T>(options: ChannelOptions<T>): ChannelOptions {
  return options as ChannelOptions;
}

type Resolved = { readonly [K in keyof Required<ChannelOptions>]: ChannelOptions[K] };

export const CHANNEL_DEFAULTS: Readonly<Resolved> = Object.freeze<Resolved>({
  authorise: undefined,
  publish: false,
  schema: undefined,
  onPublish: undefined,
  slow: 'dropOldest',
  key: undefined,
  maxQueued: 100,
  history: HISTORY_DEFAULTS,
  presence: false,
  carrier: false,
});

const CHECKS: Checks<Resolved> = {
  authorise: func<Authorise>(),
  publish: boolean(),
  schema: {
    expected: 'a Standard Schema, such as one of zod or valibot',
    accepts: (value): value is StandardSchemaV1 =>
      ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
      typeof (value as Partial<StandardSchemaV1>)['~standard']?.validate === 'function',
  },
  onPublish: func<NonNullable<ChannelOptions['onPublish']>>(),
  slow: oneOf('conflate', 'dropOldest', 'close'),
  key: func<(data: unknown) => string>(),
  maxQueued: integer({ min: 1 }),
  history: either(oneOf(false), shape<Given<HistoryOptions>>('limits of a history', [])),
  presence: boolean(),
  carrier: boolean(),
};

const HISTORY_CHECKS: Checks<HistoryOptions> = {
  maxEvents: integer({ min: 1 }),
  maxAgeMs: durationMs({ min: 1 }),
  maxBytes: bytes({ min: 1 }),
};

/** A kind of channel, complete. */
export interface ChannelKind {
  readonly pattern: string;
  readonly authorise: Authorise | undefined;
  readonly mayPublish: boolean;
  readonly schema: StandardSchemaV1 | undefined;
  readonly onPublish: ChannelOptions['onPublish'];
  readonly slow: SlowPolicy;
  readonly key: ((data: unknown) => string) | undefined;
  readonly maxQueued: number;
  readonly history: Readonly<HistoryOptions> | undefined;
  readonly hasPresence: boolean;
  readonly carries: boolean;
}

/** @throws OptionError that names the channel */
export function channelKind(pattern: string, options: ChannelOptions): ChannelKind {
  const owner = `websocket channel "${pattern}"`;
  const given = resolveOptions(owner, CHANNEL_DEFAULTS, CHECKS, options);
  if (given.key !== undefined && given.slow !== 'conflate') {
    throw new OptionError(owner, [`option "key" needs slow: "conflate", which is what it is for.`]);
  }
  return Object.freeze<ChannelKind>({
    pattern,
    authorise: given.authorise,
    mayPublish: given.publish === true,
    schema: given.schema,
    onPublish: given.onPublish,
    slow: given.slow!,
    key: given.slow === 'conflate' ? (given.key ?? (() => '')) : undefined,
    maxQueued: given.maxQueued!,
    history:
      given.history === false
        ? undefined
        : resolveOptions(`${owner} history`, HISTORY_DEFAULTS, HISTORY_CHECKS, given.history),
    hasPresence: given.presence === true,
    carries: given.carrier === true,
  });
}
