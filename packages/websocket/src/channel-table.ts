/** Which kind a channel is of, by its name: patterns as Express writes paths, without the first slash. */
import { OptionError } from '@org/core';
import { match, type MatchFunction } from 'path-to-regexp';

import {
  type ChannelKind,
  channelKind,
  type ChannelOptions,
  type ChannelParams,
} from './channel-options.ts';

/** A channel's kind, and what its name says. */
export interface Found {
  readonly kind: ChannelKind;
  readonly params: ChannelParams;
}

/** Finds the kind of a channel; nothing where no pattern matches. */
export type FindChannel = (name: string) => Found | undefined;

/**
 * Compiles kinds by pattern. The first that matches counts; names are compared as they are, capitals
 * and all, because they are names and no addresses.
 * @throws OptionError for a pattern that is none, or options that are wrong
 */
export function channelTable(channels: Readonly<Record<string, ChannelOptions>>): FindChannel {
  const table = Object.entries(channels).map(([pattern, options]) => ({
    kind: channelKind(pattern, options),
    find: compile(pattern),
  }));
  return (name) => {
    for (const { kind, find } of table) {
      const found = find(name);
      if (found !== false) return { kind, params: found.params };
    }
    return undefined;
  };
}

function compile(pattern: string): MatchFunction<Record<string, string | string[]>> {
  try {
    return match(pattern, { sensitive: true, trailing: false, decode: false });
  } catch (error) {
    throw new OptionError('websocket', [
      `channel "${pattern}" is no pattern: ${(error as Error).message}. Write "trips/:id".`,
    ]);
  }
}
