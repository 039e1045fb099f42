/**
 * `pnpm rename-scope @acme [--force]`: gives the family another npm scope, in every file that git
 * would keep. The lockfile is written by pnpm, not by us.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run, runPnpm } from './run.ts';
import { rewrite, scopeFault, type Rename } from './scope-rewrite.ts';
import { projectsOf, scopeOf } from './workspace.ts';

const LOCKFILE = 'pnpm-lock.yaml';

/** Tells the current scope, so it is rewritten last: a run that was cut short can be repeated. */
const CORE = 'packages/core/package.json';

try {
  renameScope(process.cwd());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function renameScope(root: string): void {
  const { values, positionals } = parseArgs({
    options: { force: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [to, ...others] = positionals;
  if (to === undefined || others.length > 0) {
    throw new Error('usage: pnpm rename-scope @acme [--force]');
  }
  const rename: Rename = { from: scopeOf(root), to, commands: commandsOf(root) };
  if (to === rename.from) {
    console.log(`The scope is ${to} already: nothing to change.`);
    return;
  }
  refuseWrongName(root, to);
  if (!values.force) refuseDirtyTree(root);

  const changed = filesOf(root).filter((file) => rewriteFile(root, file, rename));
  // The new scope is of another length, and lines may break elsewhere.
  if (existsSync(join(root, 'node_modules/.bin/oxfmt'))) {
    run('node_modules/.bin/oxfmt', ['--no-error-on-unmatched-pattern', ...changed], { cwd: root });
  }
  runPnpm(['install', '--lockfile-only', '--prefer-offline'], { cwd: root });
  console.log(`${LOCKFILE}: written by pnpm`);
  console.log(`${rename.from} is now ${to} in ${changed.length} files. Next: pnpm install`);
}

function commandsOf(root: string): string[] {
  return projectsOf(root).flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}));
}

function refuseWrongName(root: string, to: string): void {
  const names = projectsOf(root).map(({ manifest }) => manifest.name.replace(/^.*\//, ''));
  const fault = scopeFault(to, names);
  if (fault !== undefined) throw new Error(fault);
  // Two families under one scope could never be told apart again.
  if (readFileSync(join(root, LOCKFILE), 'utf8').includes(`${to}/`)) {
    throw new Error(`${to} is the scope of a package that this repository depends on`);
  }
}

function refuseDirtyTree(root: string): void {
  if (run('git', ['status', '--porcelain'], { cwd: root }) !== '') {
    throw new Error('there are uncommitted changes: commit them first, or say --force');
  }
}

function filesOf(root: string): string[] {
  const listed = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  const files = listed.split('\0').filter((file) => file !== '' && file !== LOCKFILE);
  return [...files.filter((file) => file !== CORE), CORE].filter((file) =>
    existsSync(join(root, file)),
  );
}

/** Rewrites the file in place, says so, and tells whether there was anything to rewrite. */
function rewriteFile(root: string, file: string, rename: Rename): boolean {
  const bytes = readFileSync(join(root, file));
  // Text holds no NUL; what does is an image or an archive.
  if (bytes.includes(0)) return false;
  const { text, count } = rewrite(bytes.toString('utf8'), rename);
  if (count === 0) return false;
  writeFileSync(join(root, file), text);
  console.log(`${file}: ${count}`);
  return true;
}
