/** Frames are led back to the sources that esbuild made the running code of. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';

import { locateAsIs, sourceLocator } from '../src/source-maps.ts';
import type { V8CallFrame } from '../src/v8-profile.ts';

const SOURCE = `interface Order { readonly total: number }

// A comment that the output has not.
export function sumOf(orders: readonly Order[]): number {
  return orders.reduce((sum, { total }) => sum + total, 0);
}
`;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'profiler-maps-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes what esbuild makes of the source, and answers V8's frame of `sumOf` in it. */
function compiled(
  how: 'inline' | 'beside',
  more: (code: string) => string = (code) => code,
): V8CallFrame {
  const { code, map } = transformSync(SOURCE, {
    loader: 'ts',
    sourcefile: '../src/orders.ts',
    sourcemap: how === 'inline' ? 'inline' : 'external',
  });
  const file = join(folder, 'orders.js');
  writeFileSync(
    file,
    more(how === 'inline' ? code : `${code}//# sourceMappingURL=orders.js.map\n`),
  );
  if (how === 'beside') writeFileSync(`${file}.map`, map);
  const lines = code.split('\n');
  const lineNumber = lines.findIndex((line) => line.includes('function sumOf'));
  const columnNumber = lines[lineNumber]!.indexOf('(');
  return { functionName: 'sumOf', url: pathToFileURL(file).href, lineNumber, columnNumber };
}

describe('source maps', () => {
  it.each(['inline', 'beside'] as const)('that stand %s lead to the source', async (how) => {
    const frame = compiled(how);
    const locate = await sourceLocator([frame.url]);
    expect(locate(frame)).toMatchObject({
      name: 'sumOf',
      file: join(folder, '../src/orders.ts'),
      line: 4,
    });
    expect(locateAsIs(frame).line).not.toBe(4);
  });

  it('are found for a path as well as for a URL', async () => {
    const frame = { ...compiled('beside'), url: join(folder, 'orders.js') };
    expect((await sourceLocator([frame.url]))(frame).line).toBe(4);
  });

  it.each([
    ['is missing', () => '//# sourceMappingURL=nowhere.js.map'],
    ['is no map', () => '//# sourceMappingURL=data:application/json,{}'],
    ['is no JSON', () => '//# sourceMappingURL=data:application/json;base64,!!!'],
    ['is elsewhere', () => '//# sourceMappingURL=http://127.0.0.1:9/orders.js.map'],
    ['is not named', () => ''],
  ])('where the map %s, frames stay as they are', async (_what, reference) => {
    const frame = compiled('beside', (code) => code.replace(/\/\/# .*\n/, reference()));
    const locate = await sourceLocator([frame.url]);
    expect(locate(frame)).toEqual(locateAsIs(frame));
  });

  it('are not looked for where there is no file', async () => {
    const frames = ['node:fs', '', 'evalmachine.<anonymous>', 'file:///nowhere/at/all.js'].map(
      (url) => ({ functionName: 'f', url, lineNumber: 0, columnNumber: 0 }),
    );
    const locate = await sourceLocator(frames.map(({ url }) => url));
    for (const frame of frames) expect(locate(frame)).toEqual(locateAsIs(frame));
  });
});
