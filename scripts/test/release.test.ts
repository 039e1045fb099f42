/**
 * A dry run of the release: the workflow's own commands, on a copy of the repository, against a
 * registry on loopback. It ends where a release does: somebody installs a package and imports it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publishedProjects } from '../packed/tarball.ts';
import { readManifest, scopeOf } from '../workspace.ts';
import { commitAll, copyRepository } from './repository-copy.ts';
import { startRegistry, type Registry } from './registry.ts';

const TOKEN = 'loopback';

let copy = '';
let consumer = '';
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry(TOKEN);
  copy = copyRepository();
  consumer = mkdtempSync(join(tmpdir(), 'consumer-'));
  const { host } = new URL(registry.url);
  const settings = `registry=${registry.url}\n//${host}/:_authToken=${TOKEN}\n`;
  for (const folder of [copy, consumer]) writeFileSync(join(folder, '.npmrc'), settings);
});
afterAll(async () => {
  await registry.close();
  for (const folder of [copy, consumer]) rmSync(folder, { recursive: true, force: true });
});

it('takes a changeset to a package that installs from the registry', async () => {
  const core = `${scopeOf(copy)}/core`;
  const before = readManifest(join(copy, 'packages/core')).version;
  writeFileSync(
    join(copy, '.changeset/dry-run.md'),
    `---\n'${core}': minor\n---\n\nTry the release.\n`,
  );

  await execute('node_modules/.bin/changeset', ['version'], copy);
  commitAll(copy, 'Version packages');
  const { version } = readManifest(join(copy, 'packages/core'));
  expect(version).not.toBe(before);
  expect(readFileSync(join(copy, 'packages/core/CHANGELOG.md'), 'utf8')).toMatch(
    new RegExp(`## ${version.replaceAll('.', '\\.')}\\n[^]*Try the release\\.`),
  );

  await pnpm('run', 'release');
  expect(Object.fromEntries(registry.published)).toEqual(
    Object.fromEntries(
      publishedProjects(copy).map(({ manifest }) => [manifest.name, [manifest.version]]),
    ),
  );

  writeFileSync(join(consumer, 'package.json'), '{ "private": true }');
  await execute('npm', ['install', '--no-audit', '--no-fund', core], consumer);
  expect(readManifest(join(consumer, 'node_modules', core)).version).toBe(version);
  const show = 'console.log(Object.keys(core).length > 0)';
  const imported = `import * as core from '${core}'; ${show}`;
  const required = `const core = require('${core}'); ${show}`;
  const evaluate = (type: string, text: string): Promise<string> =>
    execute(process.execPath, [`--input-type=${type}`, '--eval', text], consumer);
  expect(await evaluate('module', imported)).toBe('true\n');
  expect(await evaluate('commonjs', required)).toBe('true\n');
});

/**
 * Runs pnpm in the copy. It is told not to install what is only linked there; and it is started
 * elsewhere, because npx, if it must bring pnpm, would ask the copy's registry for it.
 */
async function pnpm(...args: string[]): Promise<void> {
  const command = ['--dir', copy, '--config.verify-deps-before-run=false', ...args];
  try {
    await execute('pnpm', command, __dirname);
  } catch (error) {
    // Not instanceof: what Node throws is no Error of the realm that Jest runs tests in.
    const missing = (error as { code?: unknown }).code === 'ENOENT';
    if (!missing) throw error;
    await execute('npx', ['-y', 'pnpm@12', ...command], __dirname);
  }
}

/** Not `run`: the registry lives in this process, which must go on answering. */
async function execute(command: string, args: string[], cwd: string): Promise<string> {
  const child = promisify(execFile)(command, args, { cwd, encoding: 'utf8' });
  child.child.stdin?.end();
  try {
    return (await child).stdout;
  } catch (error) {
    const failure = error as Error & { stdout?: string };
    // The message has standard error alone, and compilers write to the other.
    failure.message += failure.stdout ?? '';
    throw failure;
  }
}
