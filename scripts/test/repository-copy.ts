/**
 * A copy of this repository to try a command on that changes it. Nothing is installed: what the
 * original has installed is linked, and links between its packages lead to the copy's.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { run } from '../run.ts';
import { projectsOf, scopeOf } from '../workspace.ts';

const ORIGINAL = resolve(__dirname, '../..');

/** A copy of every file that git would keep, committed, in a new folder; the caller removes it. */
export function copyRepository(): string {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'repository-')));
  const listed = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ORIGINAL,
  });
  for (const file of listed.split('\0')) {
    if (file === '' || !existsSync(join(ORIGINAL, file))) continue;
    cpSync(join(ORIGINAL, file), join(copy, file));
  }
  linkModules(copy);
  run('git', ['init', '--quiet', '--initial-branch=main'], { cwd: copy });
  // A machine that only runs tests has nobody to commit as.
  run('git', ['config', 'user.name', 'test'], { cwd: copy });
  run('git', ['config', 'user.email', 'test@localhost'], { cwd: copy });
  commitAll(copy, 'Copy');
  return copy;
}

export function commitAll(copy: string, message: string): void {
  run('git', ['add', '--all'], { cwd: copy });
  run('git', ['commit', '--quiet', '--no-verify', '-m', message], { cwd: copy });
}

/** Links what each project may import; links again after the copy's scope was renamed. */
export function linkModules(copy: string): void {
  const rename = (name: string): string => name.replace(scopeOf(ORIGINAL), scopeOf(copy));
  for (const folder of ['.', ...projectsOf(ORIGINAL).map((project) => project.folder)]) {
    const from = join(ORIGINAL, folder, 'node_modules');
    const to = join(copy, folder, 'node_modules');
    rmSync(to, { recursive: true, force: true });
    if (!existsSync(from)) continue;
    for (const name of moduleNames(from)) {
      mkdirSync(dirname(join(to, rename(name))), { recursive: true });
      symlinkSync(inCopy(realpathSync(join(from, name)), copy), join(to, rename(name)));
    }
  }
}

function moduleNames(modules: string): string[] {
  return readdirSync(modules)
    .filter((name) => name === '.bin' || !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(modules, name)).map((child) => `${name}/${child}`)
        : [name],
    );
}

function inCopy(target: string, copy: string): string {
  const path = relative(ORIGINAL, target);
  const ours = !path.startsWith('..') && !path.split(sep).includes('node_modules');
  return ours ? join(copy, path) : target;
}
