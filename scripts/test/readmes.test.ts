/**
 * The examples in READMEs and documents are true: every ```ts block compiles under the
 * strictest settings, and the first of each README, and every one of a document, runs
 * until it listens or ends.
 */
import { spawn } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { exampleEnvironment, ROOT, writeExamples } from './examples.ts';

/** Where Node finds what a README's reader would have installed: beside the package's own sources. */
const FOLDER = '.readme-examples';

interface Example {
  readonly name: string;
  readonly file: string;
  readonly runs: boolean;
}

/** The examples of one README or document, of which the first one runs, or all do. */
function extract(
  document: string,
  owner: string,
  folder: string,
  runs: 'first' | 'all' = 'first',
): Example[] {
  return writeExamples(document, owner, `${folder}/${FOLDER}`).map((example, at) => ({
    ...example,
    runs: runs === 'all' || at === 0,
  }));
}

function run(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, env: exampleEnvironment() });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => resolve({ code, output }));
  });
}

const packages = readdirSync(join(ROOT, 'packages'));
const examples = [
  ...packages.flatMap((name) => extract(`packages/${name}/README.md`, name, `packages/${name}`)),
  // The root's example uses several packages; the reference app has them all.
  ...extract('README.md', 'root', 'apps/reference'),
  // `docs` has what its documents compare the family with, too.
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) => extract(`docs/${file}`, file.slice(0, -'.md'.length), 'docs', 'all')),
];
const folders = [...packages.map((name) => `packages/${name}`), 'apps/reference', 'docs'];

afterAll(() => {
  for (const folder of folders)
    rmSync(join(ROOT, folder, FOLDER), { recursive: true, force: true });
});

describe('examples in READMEs and documents', () => {
  test('compile', async () => {
    const config = join(ROOT, 'packages/core', FOLDER, 'tsconfig.json');
    const options = {
      noEmit: true,
      composite: false,
      emitDeclarationOnly: false,
      isolatedDeclarations: false,
      rootDir: ROOT,
    };
    const files = examples.map(({ file }) => file);
    writeFileSync(
      config,
      JSON.stringify({
        extends: join(ROOT, 'tsconfig.base.json'),
        compilerOptions: options,
        files,
        include: [],
      }),
    );
    const tsc = join(ROOT, 'node_modules/@typescript/native/bin/tsc');
    const { code, output } = await run(process.execPath, [tsc, '-p', config]);
    expect({ code, output }).toEqual({ code: 0, output: '' });
  });

  test.each(examples.filter(({ runs }) => runs).map(({ name, file }) => [name, file]))(
    '%s runs',
    async (_name, file) => {
      const end = join(ROOT, 'scripts/test/end-when-listening.mjs');
      const { code, output } = await run(process.execPath, [
        '--conditions=@org/source',
        '--import=tsx',
        `--import=${end}`,
        file,
      ]);
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
    },
  );
});
