/**
 * The embedded database: PGlite in a folder, or in memory. It is opened by its first statement, and
 * its folder belongs to this process until it is closed.
 */
import { PGlite } from '@electric-sql/pglite';
import type { PgliteInstance } from '@org/db';

import { type DataFolder, takeDataFolder } from './data-folder.ts';

/** PGlite that is opened when it is needed. */
export interface Embedded extends PgliteInstance {
  /** The first load is complete: the folder is kept from here on. */
  complete(): Promise<void>;
  close(): Promise<void>;
}

export function embedded(dataDir: string): Embedded {
  let folder: DataFolder | undefined;
  let opening: Promise<PGlite> | undefined;

  async function open(): Promise<PGlite> {
    if (dataDir !== ':memory:') folder = await takeDataFolder(dataDir);
    return PGlite.create(folder === undefined ? {} : { dataDir: folder.path });
  }
  const opened = (): Promise<PGlite> => (opening ??= open());

  return {
    query: async (text, values, options) => (await opened()).query(text, values, options),
    exec: async (text) => (await opened()).exec(text),
    complete: async () => folder?.complete(),
    async close() {
      const instance = await opening?.catch(() => undefined);
      await instance?.close();
      await folder?.release();
    },
  };
}
