/** Stored answers for tests of what keeps and sends them. */
import { Entry, type EntryInit } from '../src/entry.ts';

/** An entry that says nothing of its own, but for what is given. */
export function entryOf(init: Partial<EntryInit> = {}): Entry {
  return new Entry({
    key: 'http://a.example/',
    vary: [],
    varyKey: '',
    status: 200,
    headers: [],
    body: Buffer.alloc(0),
    etag: undefined,
    modifiedAt: 0,
    lastModified: undefined,
    dateAt: 0,
    bornMs: 0,
    lifetimeMs: 60_000,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    mustValidate: false,
    mayBeStale: true,
    shared: false,
    tags: [],
    stamp: 0,
    route: undefined,
    codable: false,
    ...init,
  });
}
