/** Tags as version counters: in a single server all of a call at once, in a cluster each where it is. */
import type { CallOptions } from '@org/core';

import type { Calls } from './calls.ts';
import { isCluster } from './client.ts';
import type { Keys } from './keys.ts';
import { BUMP, type Script, VERSIONS } from './scripts.ts';

export interface TagSettings {
  readonly retentionMs: number;
}

/** The calls of the contract. */
export interface Tags {
  versions(names: readonly string[], options?: CallOptions): Promise<readonly number[]>;
  bump(names: readonly string[], options?: CallOptions): Promise<readonly number[]>;
}

export function tagsOver(calls: Calls, keys: Keys, { retentionMs }: TagSettings): Tags {
  const isSpread = isCluster(calls.link.client);

  function ask(
    call: string,
    script: Script,
    names: readonly string[],
    options: CallOptions | undefined,
  ): Promise<readonly number[]> {
    if (names.length === 0) return Promise.resolve([]);
    const all = names.map((tag) => keys.tag(tag));
    const one = (tags: readonly string[]): Promise<readonly number[]> =>
      calls.run(
        {
          call,
          key: tags[0]!,
          script,
          keys: tags.length,
          args: [...tags, retentionMs],
          read: numbersOf,
        },
        options,
      );
    if (!isSpread || all.length === 1) return one(all);
    return apart(all, one);
  }

  return {
    versions: (names, options) => ask('versions', VERSIONS, names, options),
    bump: (names, options) => ask('bump', BUMP, names, options),
  };
}

/** Keys of several slots are asked for together: what goes to one node goes in one round trip. */
async function apart(
  all: readonly string[],
  one: (tags: readonly string[]) => Promise<readonly number[]>,
): Promise<readonly number[]> {
  const versions = await Promise.all(all.map(async (tag) => one([tag])));
  return versions.flat();
}

function numbersOf(reply: unknown): readonly number[] {
  return (reply as number[]).map(Number);
}
