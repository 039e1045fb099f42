/** The app's line in a stack, in all forms that V8 writes frames in. */
import { callSite, folderOfCaller, framesOf, lineOf } from '@org/core';

const lineIn = (...frames: string[]): string | undefined =>
  lineOf({ stack: ['Error', ...frames.map((frame) => `    at ${frame}`)].join('\n') });

test('is the line that called the function below', () => {
  function asked() {
    return callSite(asked);
  }
  const site = asked();
  expect(lineOf(site)).toMatch(/^\/.*call-site\.test\.ts:\d+:\d+$/);
  expect(framesOf(site)[0]).toContain('call-site.test.ts');
});

test.each([
  ['handler (/app/trips.ts:7:3)', '/app/trips.ts:7:3'],
  ['/app/trips.ts:7:3', '/app/trips.ts:7:3'],
  ['async /app/trips.ts:7:3', '/app/trips.ts:7:3'],
  ['async handler (file:///app/trips.mjs:7:3)', '/app/trips.mjs:7:3'],
  // With source maps Node names an anonymous function.
  ['<anonymous> (/app/trips.ts:7:3)', '/app/trips.ts:7:3'],
  ['async <anonymous> (/app/trips.ts:7:3)', '/app/trips.ts:7:3'],
  ['Object.<anonymous> (/app/trips.ts:7:3)', '/app/trips.ts:7:3'],
  ['Trips.list [as handle] (/app/trips.ts:7:3)', '/app/trips.ts:7:3'],
  ['new Trips (/app/(api)/of Ada/trips.ts:7:3)', '/app/(api)/of Ada/trips.ts:7:3'],
  [String.raw`handler (C:\app\trips.ts:7:3)`, String.raw`C:\app\trips.ts:7:3`],
])('%j is a line of the app', (frame, line) => {
  expect(lineIn(frame)).toBe(line);
});

test.each([
  'Array.map (<anonymous>)',
  'new Promise (<anonymous>)',
  'async Promise.all (index 1)',
  'process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  'node:internal/main/run_main_module:23:47',
  'eval (eval at run (/app/repl.ts:1:1), <anonymous>:1:1)',
  'async Builder.execute (/app/node_modules/builder/dist/index.js:1:1)',
  String.raw`handler (C:\app\node_modules\builder\index.js:1:1)`,
])('%j is none, and those behind it are looked at', (frame) => {
  expect(lineIn(frame)).toBeUndefined();
  expect(lineIn(frame, 'async handler (/app/trips.ts:7:3)')).toBe('/app/trips.ts:7:3');
});

test('is outside of the folder of the package that asks', () => {
  const folder = folderOfCaller();
  expect(folder).toBe(`${__dirname}/`);
  const site = { stack: `Error\n    at asked (${folder}a.ts:1:1)\n    at app (/app/b.ts:2:2)` };
  expect(lineOf(site)).toBe(`${folder}a.ts:1:1`);
  expect(lineOf(site, folder)).toBe('/app/b.ts:2:2');
});

test('of an app that was bundled into one file with the packages, is looked for in that file', () => {
  const core = `${__dirname.replace(/test$/, 'src')}/`;
  const stack = `Error\n    at handler (${core}server.js:7:3)`;
  expect(lineOf({ stack }, core)).toBe(`${core}server.js:7:3`);
});

test('is unknown where nobody looked, and where somebody made something else of stacks', () => {
  expect(lineOf(undefined)).toBeUndefined();
  expect(lineOf({})).toBeUndefined();
  expect(lineOf({ stack: [{}] as never })).toBeUndefined();
});
