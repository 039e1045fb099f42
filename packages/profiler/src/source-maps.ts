/**
 * Leads frames back to the sources: by the maps that Node knows where it runs with
 * `--enable-source-maps`, by those beside or inside the files where it does not. Bounded, read
 * when a capture is shown and forgotten afterwards; nothing is ever fetched over a network.
 * What has no map, or one that cannot be read, stays as V8 named it.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { findSourceMap, SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { CodeFrame, Locate } from './call-tree.ts';
import type { V8CallFrame } from './v8-profile.ts';

/** The most files whose maps are looked for, for one capture. */
const MAX_FILES = 500;
/** The most bytes of one map. */
const MAX_MAP_BYTES = 16 * 1024 * 1024;
/** The most bytes of all maps of a capture. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
/** The reference to a map stands at the end of a file; one that holds the map itself is longer. */
const TAIL_BYTES = 4096;

/** Names frames as they are in the running code. */
export const locateAsIs: Locate = (frame) => codeFrame(frame);

/** Reads the maps of `files` and names frames by them. */
export async function sourceLocator(files: Iterable<string>): Promise<Locate> {
  const maps = new Map<string, SourceMap>();
  let looked = 0;
  let leftBytes = MAX_TOTAL_BYTES;
  for (const file of files) {
    if (!isLocal(file)) continue;
    if (++looked > MAX_FILES || leftBytes <= 0) break;
    const known = findSourceMap(file) ?? findSourceMap(pathOf(file));
    if (known !== undefined) {
      maps.set(file, known);
      continue;
    }
    const found = await findMap(pathOf(file), Math.min(MAX_MAP_BYTES, leftBytes));
    if (found === undefined) continue;
    leftBytes -= found.text.length;
    const map = parse(found);
    if (map !== undefined) maps.set(file, map);
  }
  return (frame) => {
    const map = maps.get(frame.url);
    return map === undefined ? codeFrame(frame) : mapped(frame, map);
  };
}

function mapped(frame: V8CallFrame, map: SourceMap): CodeFrame {
  const entry = map.findEntry(frame.lineNumber, frame.columnNumber) as Partial<SourceMapping>;
  const { originalSource, originalLine, originalColumn } = entry;
  if (originalSource === undefined || originalLine === undefined) return codeFrame(frame);
  const { name } = codeFrame(frame);
  return {
    name,
    file: pathOf(originalSource),
    line: originalLine + 1,
    column: (originalColumn ?? 0) + 1,
  };
}

function codeFrame({ functionName, url, lineNumber, columnNumber }: V8CallFrame): CodeFrame {
  return {
    name: functionName === '' ? '(anonymous)' : functionName,
    file: url.startsWith('file:') ? pathOf(url) : url,
    line: lineNumber + 1,
    column: columnNumber + 1,
  };
}

/** A map as it was found. */
interface FoundMap {
  readonly text: string;
  /** Its sources are named relative to this URL. */
  readonly base: URL;
}

/** The map of a file, where there is one of no more than `maxBytes`. */
async function findMap(path: string, maxBytes: number): Promise<FoundMap | undefined> {
  try {
    const tail = await tailOf(path, TAIL_BYTES);
    let reference = referenceIn(tail);
    if (reference === undefined && INLINE_END.test(tail)) {
      reference = referenceIn(await tailOf(path, maxBytes));
    }
    if (reference === undefined) return undefined;
    const inline = INLINE.exec(reference);
    if (inline !== null) {
      const [, coding, data] = inline;
      const text =
        coding === undefined ? decodeURIComponent(data!) : Buffer.from(data!, 'base64').toString();
      return { text, base: pathToFileURL(path) };
    }
    const beside = new URL(reference, pathToFileURL(path));
    if (beside.protocol !== 'file:' || (await stat(beside)).size > maxBytes) return undefined;
    return { text: await readFile(beside, 'utf8'), base: beside };
  } catch {
    return undefined;
  }
}

/** The last `count` bytes of a file. */
async function tailOf(path: string, count: number): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, count);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString();
  } finally {
    await file.close();
  }
}

/** The last reference in a text (ECMA-426 §11.1.2). */
function referenceIn(text: string): string | undefined {
  const at = Math.max(
    text.lastIndexOf('//# sourceMappingURL='),
    text.lastIndexOf('//@ sourceMappingURL='),
  );
  if (at === -1) return undefined;
  return /^\S+/.exec(text.slice(at + '//# sourceMappingURL='.length))?.[0];
}

function parse({ text, base }: FoundMap): SourceMap | undefined {
  try {
    const payload = JSON.parse(text) as SourceMapPayload;
    const root = payload.sourceRoot ?? '';
    const sources = payload.sources.map((source) => new URL(root + source, base).href);
    return new SourceMap({ ...payload, sources, sourceRoot: '' });
  } catch {
    return undefined;
  }
}

function isLocal(file: string): boolean {
  return file.startsWith('file:') || file.startsWith('/') || /^[a-z]:[\\/]/i.test(file);
}

function pathOf(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

const INLINE = /^data:application\/json(?:;charset=[\w-]+)?(;base64)?,(.*)$/s;
/** What the end of a file looks like that ends in base64. */
const INLINE_END = /[A-Za-z0-9+/]{64}={0,2}\s*$/;
