import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommand } from '@org/config';

const folder = mkdtempSync(join(tmpdir(), 'org-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (args: readonly string[], env: Record<string, string> = {}) => {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runCommand({
    args: args.includes('--dotenv') ? args : ['--no-dotenv', ...args],
    env,
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
};

test('prints every setting with its value and origin, secrets masked', async () => {
  const env = { CACHE_TTL: '60', REDIS_URL: 'redis://u:s3cret@h/0', TRUST_PROXY: 'true' };
  const { code, out, error } = await run([], env);
  expect(code).toBe(0);
  expect(out).toMatch(/^CACHE_TTL +60 s +environment$/m);
  expect(out).toMatch(/^REDIS_URL +redis:\/\/\*\*\*@h\/0 +environment$/m);
  expect(out).toMatch(/^MAX_CONCURRENT +100 +default$/m);
  expect(out).toMatch(/^DATABASE_URL +- +default$/m);
  expect(out).not.toContain('s3cret');
  expect(error).toMatch(/^warning: TRUST_PROXY/);
});

test('prints what is changed only, or nothing, or JSON', async () => {
  const env = { CACHE_TTL: '60' };
  expect((await run(['--changed'], env)).out).toBe('CACHE_TTL  60 s  environment');
  expect((await run(['--quiet'], env)).out).toBe('');
  const { valid, settings } = JSON.parse((await run(['--json'], env)).out) as {
    valid: boolean;
    settings: { name: string }[];
  };
  expect(valid).toBe(true);
  expect(settings.find(({ name }) => name === 'CACHE_TTL')).toEqual({
    name: 'CACHE_TTL',
    value: '60',
    origin: 'environment',
    type: 'integer',
    unit: 's',
    default: '300',
    expected: 'a whole number of seconds, at least 0 and at most 2147483',
    feeds: ['cache.ttlMs'],
    help: expect.any(String),
  });
});

test('ends with 1 and every problem when something is wrong', async () => {
  const env = { CACHE_TTL: 'x', PORT: 'y', CACHE_TLL: '1' };
  const { code, out, error } = await run([], env);
  expect([code, out]).toEqual([1, '']);
  expect(error).toContain('CACHE_TTL (environment)');
  expect(error).toContain('PORT (environment)');
  expect(error).toContain('warning: CACHE_TLL');
  const json = await run(['--json'], env);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    valid: false,
    problems: [{ name: 'CACHE_TTL' }, { name: 'PORT' }],
    warnings: [{ code: 'near-miss' }],
  });
  expect((await run(['--file', join(folder, 'none.json')])).code).toBe(1);
});

test('ends with 2 and its usage when it is called wrongly', async () => {
  const { code, error } = await run(['--files', 'x']);
  expect(code).toBe(2);
  expect(error).toContain('--file <path>');
  expect((await run(['--help'])).out).toContain('--file <path>');
});

test('is a command: reads .env, a JSON file, a module, and settings of one’s own', () => {
  writeFileSync(join(folder, '.env'), 'PORT=1\n');
  writeFileSync(join(folder, 'a.json'), '{"CACHE_TTL": 5}');
  writeFileSync(join(folder, 'b.mjs'), 'export default { CACHE_TTL: 6, PAGE_SIZE: 7 };');
  writeFileSync(join(folder, 'no.mjs'), 'export const x = 1;');
  writeFileSync(
    join(folder, 's.mjs'),
    'export const settings = { PAGE_SIZE: { type: "integer", help: "Rows." } };',
  );
  const command = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [
        '--import',
        resolve('node_modules/tsx/dist/esm/index.mjs'),
        '--conditions=@org/source',
        resolve('packages/config/src/cli.ts'),
        '--changed',
        ...args,
      ],
      { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } },
    );
  expect(command('--file', 'a.json').stdout).toBe('CACHE_TTL  5 s  a.json\nPORT       1    .env\n');
  const own = command('--file', 'b.mjs', '--settings', 's.mjs', '--no-dotenv');
  expect([own.stderr, own.stdout]).toEqual(['', 'CACHE_TTL  6 s  b.mjs\nPAGE_SIZE  7    b.mjs\n']);
  const wrong = command('--file', 'no.mjs');
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toContain('default export');
  expect(command('--file', 'none.mjs').stderr).toContain('no such file');
  writeFileSync(join(folder, 'needs.mjs'), "import 'what-is-not-there'; export default {};");
  expect(command('--file', 'needs.mjs').stderr).toContain('what-is-not-there');
});

test('the examples of the README run', () => {
  const readme = readFileSync('packages/config/README.md', 'utf8');
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code!);
  expect(examples.length).toBeGreaterThanOrEqual(3);
  for (const code of examples) {
    const { stderr, status } = spawnSync(
      process.execPath,
      [
        '--import',
        resolve('node_modules/tsx/dist/esm/index.mjs'),
        '--conditions=@org/source',
        '--input-type=module',
        '-e',
        code,
      ],
      { cwd: resolve('packages/config'), encoding: 'utf8', env: { PATH: process.env['PATH'] } },
    );
    expect([stderr, status]).toEqual(['', 0]);
  }
});
