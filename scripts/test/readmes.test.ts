/**
 * The examples in READMEs are true: every ```ts block compiles under the strictest
 * settings, and the first of each README runs until it listens or ends.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** Where Node finds what a README's reader would have installed: beside the package's own sources. */
const FOLDER = '.readme-examples';

interface Example {
  readonly name: string;
  readonly file: string;
  readonly runs: boolean;
}

/** Writes the examples of one README as modules, and says where they are. */
function extract(readme: string, owner: string, folder: string): Example[] {
  const text = existsSync(join(ROOT, readme)) ? readFileSync(join(ROOT, readme), 'utf8') : '';
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code], at) => {
    const file = join(ROOT, folder, FOLDER, `${owner}-${at + 1}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    // Ports are the reader's; a test takes a free one. The export makes a block with top-level await a module.
    writeFileSync(file, `${code!.replaceAll(/\b3000\b/g, '0')}\nexport {};\n`);
    return { name: `${readme} #${at + 1}`, file, runs: at === 0 };
  });
}

function run(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };
    const child = spawn(command, args, { cwd: ROOT, env });
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
];
const folders = [...packages.map((name) => `packages/${name}`), 'apps/reference'];

afterAll(() => {
  for (const folder of folders)
    rmSync(join(ROOT, folder, FOLDER), { recursive: true, force: true });
});

describe('examples in READMEs', () => {
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
  }, 60_000);

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
    60_000,
  );
});
