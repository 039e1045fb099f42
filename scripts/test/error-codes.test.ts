/** docs/errors.md is the list of every code that an answer or a start-up error of the house can carry. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

/** Codes of Node's own, which the response tap throws where Node would. */
const OF_NODE: ReadonlySet<string> = new Set([
  'ERR_HTTP_HEADERS_SENT',
  'ERR_INVALID_ARG_VALUE',
  'ERR_STREAM_WRITE_AFTER_END',
]);

/** Where a source gives an error its code. */
const MADE = /\bcode: '(ERR_[A-Z_]+)'/g;

function sources(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(ROOT, folder, path));
}

const made: readonly (readonly [code: string, owner: string])[] = readdirSync(
  join(ROOT, 'packages'),
).flatMap((name) =>
  sources(`packages/${name}/src`)
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(MADE)])
    .map(([, code]) => [code!, name] as const)
    .filter(([code]) => !OF_NODE.has(code)),
);

test('there are codes to look for', () => {
  expect(made.length).toBeGreaterThan(50);
});

test('every code stands in docs/errors.md', () => {
  const listed = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  expect(made.filter(([code]) => !listed.includes(`\`${code}\``))).toEqual([]);
});
