/** Codings of stored bodies: who gets which, when they are made, and that they hold what they should. */
import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';

import { Codings } from '../src/codings.ts';
import type { Entry, EntryInit } from '../src/entry.ts';
import { storedValue, viewOf } from '../src/stored-headers.ts';
import type { StoredCoding } from '../src/options.ts';
import { entryOf } from './entries.ts';

const { zstdDecompressSync } = zlib as unknown as {
  readonly zstdDecompressSync?: (body: Buffer) => Buffer;
};
const HAS_ZSTD = zstdDecompressSync !== undefined;
const DECODERS: Readonly<Record<StoredCoding, (body: Buffer) => Buffer>> = {
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  zstd: (body) => zstdDecompressSync!(body),
};
const ALL: readonly StoredCoding[] = ['br', 'zstd', 'gzip'];
const MADE_HERE = ALL.filter((coding) => coding !== 'zstd' || HAS_ZSTD);

const LONG = Buffer.from('Zürich, Genève, Basel. '.repeat(500));
/** Nothing can be saved. */
const NOISE = createHash('shake256', { outputLength: 4096 }).update('noise').digest();

function made(codings: readonly StoredCoding[] = ALL): { codings: Codings; coded: Entry[] } {
  const coded: Entry[] = [];
  const options = {
    compressThresholdBytes: 1024,
    codings,
    telling: { cacheStatus: false, cacheName: '' },
    onCoded: (entry: Entry) => void coded.push(entry),
  };
  return { codings: new Codings(options), coded };
}

const text = (init: Partial<EntryInit> = {}): Entry =>
  entryOf({ codable: true, headers: ['Content-Type', 'text/plain'], body: LONG, ...init });

const codingOf = ({ whole }: { readonly whole: readonly string[] }): string | undefined =>
  storedValue(whole, 'content-encoding');

/** The coding that who says this gets, once it is made. */
async function chosen(accept: string | undefined, offered = ALL): Promise<string | undefined> {
  const { codings } = made(offered);
  const entry = text();
  codings.select(entry, accept);
  await codings.settled();
  return codingOf(codings.select(entry, accept));
}

describe('a coded body', () => {
  test.each(MADE_HERE)('in %s is the same once decoded', async (coding) => {
    const { codings, coded } = made();
    const entry = text();
    expect(codingOf(codings.select(entry, coding))).toBeUndefined();
    await codings.settled();
    const form = codings.select(entry, coding);
    expect(codingOf(form)).toBe(coding);
    expect(DECODERS[coding](form.body)).toEqual(LONG);
    expect(form.body.length).toBeLessThan(LONG.length / 2);
    expect(coded).toEqual([entry]);
    expect(codings.codedTotal).toBe(1);
  });

  test('is made once, also when many ask at once', async () => {
    const { codings, coded } = made();
    const entry = text();
    for (let times = 0; times < 5; times++) codings.select(entry, 'gzip');
    await codings.settled();
    const form = codings.select(entry, 'gzip');
    expect(codings.select(entry, 'gzip')).toBe(form);
    expect(coded).toHaveLength(1);
  });

  test('that saves nothing is not kept, and not tried again', async () => {
    const { codings, coded } = made();
    const entry = text({ body: NOISE });
    for (let times = 0; times < 3; times++) {
      expect(codings.select(entry, 'gzip').body).toBe(NOISE);
      await codings.settled();
    }
    expect([coded.length, codings.codedTotal, entry.representations.has('gzip')]).toEqual([
      0,
      0,
      true,
    ]);
  });

  test('is one of two at a time; a third is left to a later hit', async () => {
    const { codings } = made();
    const entries = [text(), text(), text()];
    for (const entry of entries) codings.select(entry, 'gzip');
    await codings.settled();
    expect(entries.map((entry) => codingOf(codings.select(entry, 'gzip')))).toEqual([
      'gzip',
      'gzip',
      undefined,
    ]);
    await codings.settled();
    expect(codingOf(codings.select(entries[2]!, 'gzip'))).toBe('gzip');
  });

  test('is taken over by another entry with the same content, under its own head', async () => {
    const { codings, coded } = made();
    const old = text({ etag: '"1"' });
    codings.select(old, 'gzip');
    await codings.settled();
    const fresh = text({ headers: ['Content-Type', 'text/plain', 'X-New', '1'], etag: '"1"' });
    codings.adopt(fresh, old);
    const form = codings.select(fresh, 'gzip');
    expect(form.body).toBe(codings.select(old, 'gzip').body);
    expect([storedValue(form.whole, 'x-new'), form.etag]).toEqual(['1', '"1-gzip"']);
    expect(codings.select(fresh, undefined)).not.toBe(codings.select(old, undefined));
    expect(coded).toHaveLength(1);
  });

  test('that somebody else has made is kept, and counts as memory but not as work', async () => {
    const { codings, coded } = made();
    const entry = text({ etag: '"1"' });
    const before = entry.bytes;
    const body = zlib.gzipSync(LONG);
    codings.keep(entry, 'gzip', body);
    const form = codings.select(entry, 'gzip');
    expect([form.body.equals(body), form.etag, codings.codedTotal]).toEqual([true, '"1-gzip"', 0]);
    expect(coded).toEqual([entry]);
    expect(entry.bytes).toBeGreaterThanOrEqual(before + body.length);
    // It is not coded again, and the first stays.
    codings.keep(entry, 'gzip', zlib.gzipSync(LONG, { level: 1 }));
    expect(codings.select(entry, 'gzip')).toBe(form);
  });

  test.each<[string, Entry, string, Buffer]>([
    ['in a coding that is not offered', text(), 'deflate', zlib.deflateSync(LONG)],
    ['of an entry that may not be coded', text({ codable: false }), 'gzip', zlib.gzipSync(LONG)],
    ['that saves nothing', text({ body: NOISE }), 'gzip', zlib.gzipSync(NOISE)],
  ])('that somebody else has made is not kept %s', (_name, entry, coding, body) => {
    const { codings, coded } = made();
    codings.keep(entry, coding, body);
    expect([entry.representations.size, coded.length]).toEqual([0, 0]);
  });

  test('of an entry that may not be coded is never made', async () => {
    const { codings } = made();
    const entry = text({ codable: false });
    codings.select(entry, 'gzip');
    await codings.settled();
    expect(codings.select(entry, 'gzip')).toBe(codings.identity(entry));
    expect(entry.representations.size).toBe(1);
  });
});

describe('the choice (RFC 9110 §12.5.3)', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['no field: the identity', undefined, undefined],
    ['an empty field: the identity', '', undefined],
    ['one coding', 'gzip', 'gzip'],
    ['one coding in another case', 'GZip', 'gzip'],
    ['several: the one that is preferred here', 'gzip, deflate, br', 'br'],
    ['the client prefers by weight', 'br;q=0.5, gzip;q=0.8', 'gzip'],
    ['weight 0 excludes', 'br;q=0, gzip', 'gzip'],
    ['weight 0.000 excludes', 'br;q=0.000, gzip', 'gzip'],
    ['everything excluded', 'br;q=0, gzip;q=0, zstd;q=0', undefined],
    ['any coding', '*', 'br'],
    ['any but one', 'br;q=0, zstd;q=0, *', 'gzip'],
    ['none but one', '*;q=0, gzip', 'gzip'],
    ['the identity first', 'identity, gzip;q=0.5', undefined],
    ['the identity excluded', 'identity;q=0, gzip', 'gzip'],
    ['the identity last', 'gzip;q=0.5, identity;q=0.1', 'gzip'],
    ['unknown codings', 'deflate, compress, exi', undefined],
    ['a name that begins like one', 'gzipped, br2', undefined],
    ['junk', ';;,=q', undefined],
  ])('%s', async (_name, accept, coding) => {
    expect(await chosen(accept)).toBe(coding);
  });

  test('is among the codings that are offered, in the order in which they are', async () => {
    expect(await chosen('br, gzip', ['gzip', 'br'])).toBe('gzip');
    expect(await chosen('br, gzip', ['gzip'])).toBe('gzip');
    expect(await chosen('br', ['gzip'])).toBeUndefined();
    expect(await chosen('br, gzip', [])).toBeUndefined();
  });

  test('falls on the identity where all else is excluded, even the identity', async () => {
    const { codings } = made();
    const entry = text();
    expect(codings.select(entry, '*;q=0')).toBe(codings.identity(entry));
  });

  test('has zstd only where the runtime has it', async () => {
    expect(made().codings.tagNames()).toEqual(MADE_HERE);
    expect(await chosen('zstd')).toBe(HAS_ZSTD ? 'zstd' : undefined);
  });

  test('is remembered of so many fields only, and of none that is long', () => {
    const { codings } = made();
    const entry = text();
    const { choices } = codings as unknown as { readonly choices: ReadonlyMap<string, unknown> };
    for (let n = 0; n < 1000; n++) {
      codings.select(entry, `gzip;q=0.5, x${n}`);
      expect(choices.size).toBeLessThanOrEqual(256);
    }
    expect(choices.size).toBeGreaterThan(0);
    codings.select(entry, `gzip, ${'x'.repeat(10_000)}`);
    expect(Math.max(...[...choices.keys()].map(({ length }) => length))).toBeLessThan(300);
  });
});

describe('what is worth coding', () => {
  const TYPE = ['Content-Type', 'application/json; charset=utf-8'];

  test.each<[string, boolean, number, readonly string[], number, boolean]>([
    ['a large text', true, 200, TYPE, 1024, false],
    ['a small one', false, 200, TYPE, 1023, false],
    ['another status', false, 404, TYPE, 5000, false],
    ['an image', false, 200, ['content-type', 'image/png'], 5000, false],
    ['one without a type', false, 200, [], 5000, false],
    ['one that is coded already', false, 200, [...TYPE, 'Content-Encoding', 'br'], 5000, false],
    ['one that is not to be transformed (RFC 9111 §5.2.2.6)', false, 200, TYPE, 5000, true],
  ])('%s: %s', (_name, worth, status, headers, bytes, noTransform) => {
    const { codings } = made();
    expect(codings.isCodable(status, headers, Buffer.alloc(bytes), noTransform)).toBe(worth);
    expect(made([]).codings.isCodable(status, headers, Buffer.alloc(bytes), noTransform)).toBe(
      false,
    );
  });

  test.each<[string, boolean, number, readonly string[]]>([
    ['of unknown length', true, 200, TYPE],
    ['of enough bytes', true, 200, [...TYPE, 'Content-Length', '1024']],
    ['of too few bytes', false, 200, [...TYPE, 'Content-Length', '1023']],
    ['of another status', false, 500, TYPE],
    ['coded already', false, 200, [...TYPE, 'Content-Encoding', 'gzip']],
    ['of no type', false, 200, []],
  ])('a body under way, %s: %s', (_name, worth, status, headers) => {
    expect(made().codings.mayBeCodable(viewOf(status, headers))).toBe(worth);
    expect(made([]).codings.mayBeCodable(viewOf(status, headers))).toBe(false);
  });
});
