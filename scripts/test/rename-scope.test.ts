import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run.ts';
import { rewrite, scopeFault } from '../scope-rewrite.ts';
import { scopeOf } from '../workspace.ts';
import { commitAll, copyRepository, linkModules } from './repository-copy.ts';

// Assembled, because a rename of this repository must not rewrite what these tests are about.
const OLD = ['@', 'old'].join('');

describe('rewrite', () => {
  const rename = { from: OLD, to: '@acme', commands: ['old-config'] };

  it.each([
    [`import '${OLD}/core';`, `import '@acme/core';`],
    [`"${OLD}/source": "./src"`, `"@acme/source": "./src"`],
    [`Symbol.for('${OLD}/component')`, `Symbol.for('@acme/component')`],
    [`npm/v/${OLD}%2fcore`, `npm/v/@acme%2fcore`],
    [`every ${OLD} package, \`${OLD}\`, ${OLD}.`, 'every @acme package, `@acme`, @acme.'],
    ['npx old-config check', 'npx acme-config check'],
    ['"old-config": "./dist/cli.js"', '"acme-config": "./dist/cli.js"'],
  ])('changes %s', (text, expected) => {
    expect(rewrite(text, rename).text).toBe(expected);
  });

  it.each([`me${OLD}.example`, `${OLD}er/core`, `${OLD}-next/core`, 'x-old-config', 'old-configs'])(
    'leaves %s',
    (text) => {
      expect(rewrite(text, rename)).toEqual({ text, count: 0 });
    },
  );

  it('counts what it changes, and finds nothing more in its own result', () => {
    const first = rewrite(`${OLD}/a ${OLD}/b`, rename);
    expect(first).toEqual({ text: '@acme/a @acme/b', count: 2 });
    expect(rewrite(first.text, rename).count).toBe(0);
  });
});

describe('scopeFault', () => {
  it.each(['@acme', '@a', '@acme-web', '@acme.web', '@4me'])('accepts %s', (scope) => {
    expect(scopeFault(scope, ['core'])).toBeUndefined();
  });

  it.each(['acme', '@', '@Acme', '@acme/', '@acme/x', '@.acme', '@-acme', '@ac me', '@acmé'])(
    'refuses %s',
    (scope) => {
      expect(scopeFault(scope, ['core'])).toContain('is no npm scope');
    },
  );

  it('refuses a scope that makes a name too long for npm', () => {
    expect(scopeFault(`@${'a'.repeat(209)}`, ['core'])).toContain('214');
    expect(scopeFault(`@${'a'.repeat(208)}`, ['core'])).toBeUndefined();
  });
});

describe('pnpm rename-scope', () => {
  let copy = '';
  beforeAll(() => {
    copy = copyRepository();
  });
  afterAll(() => {
    rmSync(copy, { recursive: true, force: true });
  });
  const rename = (...args: string[]): string =>
    run('node_modules/.bin/tsx', ['scripts/rename-scope.ts', ...args], { cwd: copy });

  it('refuses no name, a wrong name, a name in use and a tree with changes', () => {
    expect(() => rename()).toThrow('usage');
    expect(() => rename('acme')).toThrow('is no npm scope');
    expect(() => rename('@types')).toThrow('depends on');
    writeFileSync(join(copy, 'draft.md'), 'draft');
    expect(() => rename(`${scopeOf(copy)}-next`)).toThrow('uncommitted changes');
    rmSync(join(copy, 'draft.md'));
  });

  it('leaves nothing of the old scope, and every import leads somewhere', () => {
    const from = scopeOf(copy);
    const to = `${from}-renamed`;
    expect(rename(to)).toContain('package.json: ');
    expect(scopeOf(copy)).toBe(to);
    expect(occurrences(copy, from)).toEqual([]);
    const lockfile = readFileSync(join(copy, 'pnpm-lock.yaml'), 'utf8');
    expect(lockfile).toContain(`'${to}/core':`);

    linkModules(copy);
    expect(unresolved(copy)).toEqual([]);
    expect(() =>
      run('node_modules/.bin/tsx', ['scripts/check-floors.ts'], { cwd: copy }),
    ).not.toThrow();

    commitAll(copy, 'Rename');
    expect(rename(to)).toContain('nothing to change');
    expect(run('git', ['status', '--porcelain'], { cwd: copy })).toBe('');
  });
});

/** Files that still hold the scope, as a word. */
function occurrences(copy: string, scope: string): string[] {
  const files = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: copy,
  });
  return files
    .split('\0')
    .filter((file) => file !== '')
    .filter((file) => {
      const text = readFileSync(join(copy, file), 'utf8');
      return text.replaceAll(`${scope}-renamed`, '').includes(`${scope}/`);
    });
}

/** What TypeScript cannot find; what else it may find wrong is the business of `pnpm typecheck`. */
function unresolved(copy: string): string[] {
  const script = 'node_modules/.bin/tsc -p tsconfig.json --incremental false || true';
  const output = run('sh', ['-c', script], { cwd: copy });
  return output.split('\n').filter((line) => /error TS(?:2307|2792|7016|5\d{3}|6\d{3})/.test(line));
}
