import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { faultsOf } from '../floors.ts';
import { nameFault, namesOf } from '../package-name.ts';
import { run } from '../run.ts';
import { projectsOf, readManifest, scopeOf } from '../workspace.ts';
import { copyRepository } from './repository-copy.ts';

const ORIGINAL = resolve(__dirname, '../..');
const NAME = 'answer-time-2';
const FOLDER = `packages/${NAME}`;

describe('namesOf', () => {
  it.each([
    ['cache', { kebab: 'cache', camel: 'cache', pascal: 'Cache', constant: 'CACHE' }],
    ['etag-2-x', { kebab: 'etag-2-x', camel: 'etag2X', pascal: 'Etag2X', constant: 'ETAG_2_X' }],
  ])('derives the names of %s', (kebab, names) => {
    expect(namesOf(kebab)).toEqual(names);
  });
});

describe('nameFault', () => {
  const fault = (name: string): string | undefined =>
    nameFault(name, ['core', 'rate-limit'], new Set(['express', 'fakeClock']));

  it.each(['cache', 'rate-limiter', 'http2', 'etag-2', 'type'])('accepts %s', (name) => {
    expect(fault(name)).toBeUndefined();
  });

  it.each([
    '',
    'Cache',
    'rateLimit',
    'rate_limit',
    'rate--limit',
    '-a',
    'a-',
    '2fa',
    '@a/b',
    'a/b',
    '..',
  ])('refuses "%s", which is no kebab-case name', (name) => {
    expect(fault(name)).toContain('is no package name');
  });

  it.each([
    ['core', 'exists already'],
    ['rate-limit', 'exists already'],
    ['delete', 'a word of JavaScript'],
    ['package', 'a word of JavaScript'],
    ['express', 'its code imports'],
    ['fake-clock', 'its code imports'],
    ['a'.repeat(51), '50 characters'],
  ])('refuses %s: %s', (name, why) => {
    expect(fault(name)).toContain(why);
  });
});

describe('pnpm new-package', () => {
  let copy = '';
  beforeAll(() => {
    copy = copyRepository();
  });
  afterAll(() => {
    rmSync(copy, { recursive: true, force: true });
  });
  const make = (...args: string[]): string =>
    run('node_modules/.bin/tsx', ['scripts/new-package.ts', ...args], { cwd: copy });

  it('refuses no name, a name in use and half a sentence, and writes nothing then', () => {
    expect(() => make()).toThrow('usage');
    expect(() => make('core')).toThrow('packages/core exists already');
    expect(() => make('middleware-contract')).toThrow('its code imports');
    expect(() => make(NAME, 'no full stop')).toThrow('is no sentence');
    expect(run('git', ['status', '--porcelain'], { cwd: copy })).toBe('');
  });

  it('makes a package that passes every check unchanged', () => {
    const sentence = 'Says "hello" for $& and $1.';
    expect(make(NAME, sentence)).toContain('pnpm install');
    linkDependencies(copy);

    expect(changedIn(copy)).toEqual([
      `.changeset/${NAME}-first.md`,
      `${FOLDER}/README.md`,
      `${FOLDER}/package.json`,
      `${FOLDER}/src/${NAME}.ts`,
      `${FOLDER}/src/index.ts`,
      `${FOLDER}/test/${NAME}.test.ts`,
      `${FOLDER}/test/contract.test.ts`,
      `${FOLDER}/tsconfig.json`,
      `${FOLDER}/tsup.config.ts`,
      'tsconfig.build.json',
    ]);
    const written = changedIn(copy).map((file) => readFileSync(join(copy, file), 'utf8'));
    expect(written.filter((text) => text.includes('__'))).toEqual([]);
    expect(readFileSync(join(copy, FOLDER, 'README.md'), 'utf8')).toContain(`\n${sentence}\n`);
    expect(readFileSync(join(copy, 'tsconfig.build.json'), 'utf8')).toContain(`"${FOLDER}"`);

    const bin = (command: string, ...args: string[]): string =>
      run(`node_modules/.bin/${command}`, args, { cwd: copy });
    bin('oxfmt', '--check', FOLDER, '.changeset', 'tsconfig.build.json');
    bin('oxlint', '--type-aware', FOLDER);
    expect(typeFaults(copy)).toEqual([]);
    expect(faultsOf(copy).filter(({ file }) => file.startsWith(FOLDER))).toEqual([]);
    bin('jest', FOLDER);
    // What its README shows runs as it stands; and there is something that it shows.
    const examples = ['scripts/test/readmes', '-t', `${FOLDER}/README`, '--json'];
    expect(bin('jest', ...examples)).toContain('"numPassedTests":1,');
  });

  it('gives it a manifest of the same shape as the others', () => {
    const made = readManifest(join(copy, FOLDER)) as unknown as Record<string, unknown>;
    const other = readFileSync(join(ORIGINAL, 'packages/errors/package.json'), 'utf8');
    const expected = JSON.parse(other.replaceAll('errors', NAME)) as Record<string, unknown>;
    const own = ['version', 'description', 'keywords', 'dependencies', 'devDependencies'];
    for (const field of own) expected[field] = made[field];
    expect(made).toEqual(expected);
    expect(Object.keys(made)).toEqual(Object.keys(expected));
  });
});

function changedIn(copy: string): string[] {
  const status = run('git', ['status', '--porcelain', '--untracked-files=all'], { cwd: copy });
  return status
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(3))
    .toSorted();
}

/** What `pnpm install` would link: it is all installed for other packages already. */
function linkDependencies(copy: string): void {
  const { dependencies, devDependencies } = readManifest(join(copy, FOLDER));
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const link = join(copy, FOLDER, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(installed(copy, name), link);
  }
}

function installed(copy: string, name: string): string {
  const scope = `${scopeOf(copy)}/`;
  if (name.startsWith(scope)) return join(copy, 'packages', name.slice(scope.length));
  const found = projectsOf(ORIGINAL)
    .map(({ folder }) => join(ORIGINAL, folder, 'node_modules', name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is installed for no package yet`);
  return realpathSync(found);
}

/** What TypeScript says of the new package; the others are the business of `pnpm typecheck`. */
function typeFaults(copy: string): string[] {
  const script = 'node_modules/.bin/tsc -p tsconfig.json --incremental false || true';
  const output = run('sh', ['-c', script], { cwd: copy });
  const told = output.split('\n').filter((line) => line.includes('error TS'));
  // A compiler that never got to the package would find nothing wrong with it either.
  const config = told.filter((line) => !line.includes('('));
  return [...config, ...told.filter((line) => line.startsWith(FOLDER))];
}
