/**
 * Content codings of stored bodies: a body is coded once, in the thread pool and after
 * a hit has asked for it, never while somebody waits. Until then, and where a coding
 * saves nothing, the identity is sent.
 */
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { report } from '@org/core';
import compressible from 'compressible';
import Negotiator from 'negotiator';

import type { Entry } from './entry.ts';
import { fieldText } from './field-text.ts';
import type { StoredCoding } from './options.ts';
import { Representation, type Telling } from './representation.ts';
import { storedValue } from './stored-headers.ts';
import type { HeadView } from './storing.ts';

type Encode = (body: Buffer) => Promise<Buffer>;

/** Slower and denser than for a body that is sent once: it is coded once and sent often. */
const ENCODERS: Readonly<Record<StoredCoding, Encode | undefined>> = {
  gzip: (body) => promisify(zlib.gzip)(body, { level: 9 }),
  br: (body) =>
    promisify(zlib.brotliCompress)(body, {
      params: {
        [zlib.constants.BROTLI_PARAM_QUALITY]: 8,
        [zlib.constants.BROTLI_PARAM_SIZE_HINT]: body.length,
      },
    }),
  zstd: zstd(),
};

/** Bodies that are coded at a time; further ones wait for a later hit. */
const MAX_CODING = 2;
/** A coding that does not save a tenth is not kept. */
const MAX_KEPT_RATIO = 0.9;
/** Values of Accept-Encoding whose choice is remembered, and how long they may be. */
const MAX_CHOICES = 256;
const MAX_CHOICE_LENGTH = 256;

/** What the coder asks of its cache. */
export interface CodingOptions {
  readonly compressThresholdBytes: number;
  readonly codings: readonly StoredCoding[];
  readonly telling: Telling;
  /** An entry has grown. */
  readonly onCoded: (entry: Entry) => void;
}

/** The server's preference among what clients like equally is younger than the library's types. */
interface PreferringNegotiator {
  encodings(
    available: readonly string[],
    options: { readonly preferred: readonly string[] },
  ): readonly string[];
}

export class Codings {
  private readonly options: CodingOptions;
  private readonly offered: readonly StoredCoding[];
  private readonly choices: Map<string, StoredCoding | undefined> = new Map();
  private readonly coding: Set<Promise<void>> = new Set();
  codedTotal: number = 0;

  constructor(options: CodingOptions) {
    this.options = options;
    this.offered = options.codings.filter((coding) => ENCODERS[coding] !== undefined);
  }

  /** Whether a body is worth coding: large enough, of a type that shrinks, and not coded by the application. */
  isCodable(
    status: number,
    headers: readonly string[],
    body: Buffer,
    noTransform: boolean,
  ): boolean {
    if (noTransform || status !== 200 || this.offered.length === 0) return false;
    if (body.length < this.options.compressThresholdBytes) return false;
    if (storedValue(headers, 'content-encoding') !== undefined) return false;
    return compressible(storedValue(headers, 'content-type') ?? '') === true;
  }

  /** The form in which an entry is sent to who accepts these codings. */
  select(entry: Entry, acceptEncoding: string | undefined): Representation {
    if (entry.init.codable && acceptEncoding !== undefined) {
      const coding = this.choose(acceptEncoding);
      if (coding !== undefined) {
        const known = entry.representations.get(coding);
        if (known !== undefined) return known;
        if (!entry.representations.has(coding)) this.encode(entry, coding);
      }
    }
    return this.identity(entry);
  }

  identity(entry: Entry): Representation {
    let identity = entry.representations.get('identity');
    if (identity === undefined) {
      identity = new Representation(entry, undefined, entry.body, this.options.telling);
      entry.representations.set('identity', identity);
    }
    return identity;
  }

  /** Whether a body that is under way will be, as far as its head tells. */
  mayBeCodable(head: HeadView): boolean {
    if (head.status !== 200 || this.offered.length === 0 || head.has('content-encoding'))
      return false;
    const length = fieldText(head.get('content-length'));
    if (length !== undefined && Number(length) < this.options.compressThresholdBytes) return false;
    return compressible(fieldText(head.get('content-type')) ?? '') === true;
  }

  /** Takes over the coded bodies of an entry with the same content. */
  adopt(entry: Entry, from: Entry): void {
    for (const [coding, coded] of from.representations) {
      if (coding === 'identity') continue;
      entry.representations.set(
        coding,
        coded === undefined
          ? undefined
          : new Representation(entry, coding, coded.body, this.options.telling),
      );
    }
  }

  /** Takes a body that was coded by somebody else for this very answer. */
  keep(entry: Entry, coding: string, coded: Uint8Array): void {
    const known = this.offered.find((one) => one === coding);
    if (known === undefined || !entry.init.codable || entry.representations.has(known)) return;
    if (coded.length > entry.body.length * MAX_KEPT_RATIO) return;
    // A copy: what a coder gives may be a small part of a large piece of memory.
    this.put(entry, known, Buffer.from(coded));
  }

  /** Validators that clients may hold for an entry, whichever coding they got. */
  tagNames(): readonly StoredCoding[] {
    return this.offered;
  }

  /** Waits for the bodies that are being coded. */
  async settled(): Promise<void> {
    await Promise.all(this.coding);
  }

  private choose(acceptEncoding: string): StoredCoding | undefined {
    const known = this.choices.get(acceptEncoding);
    if (known !== undefined || this.choices.has(acceptEncoding)) return known;
    const negotiator = new Negotiator({
      headers: { 'accept-encoding': acceptEncoding },
    }) as unknown as PreferringNegotiator;
    const [chosen] = negotiator.encodings([...this.offered, 'identity'], {
      preferred: this.offered,
    });
    const choice = this.offered.find((coding) => coding === chosen);
    if (acceptEncoding.length > MAX_CHOICE_LENGTH) return choice;
    if (this.choices.size >= MAX_CHOICES) this.choices.clear();
    this.choices.set(acceptEncoding, choice);
    return choice;
  }

  private put(entry: Entry, coding: StoredCoding, coded: Buffer): void {
    entry.representations.set(
      coding,
      new Representation(entry, coding, coded, this.options.telling),
    );
    this.options.onCoded(entry);
  }

  private encode(entry: Entry, coding: StoredCoding): void {
    if (this.coding.size >= MAX_CODING) return;
    // Holds the place: one coding of one entry is begun once.
    entry.representations.set(coding, undefined);
    const work = ENCODERS[coding]!(entry.body).then(
      (coded) => {
        if (coded.length > entry.body.length * MAX_KEPT_RATIO) return;
        this.codedTotal++;
        this.put(entry, coding, coded);
      },
      (error: unknown) => report(error, `cache ${coding}`),
    );
    this.coding.add(work);
    void work.finally(() => this.coding.delete(work));
  }
}

/** Where the runtime has it (Node 22.15 on). Level 3 is its default; a small window keeps every browser able to read it. */
function zstd(): Encode | undefined {
  const { zstdCompress } = zlib as unknown as {
    readonly zstdCompress?: (
      body: Buffer,
      options: object,
      done: (error: Error | null, coded: Buffer) => void,
    ) => void;
  };
  if (zstdCompress === undefined) return undefined;
  return (body) => promisify(zstdCompress)(body, {});
}
