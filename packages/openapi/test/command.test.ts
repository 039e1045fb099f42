import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { runCommand } from '../src/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const old = file('old.json', { openapi: '3.1.1', paths: { '/a': { get: {} } } });
const more = file('more.json', {
  openapi: '3.1.1',
  paths: { '/a': { get: {} }, '/b': { get: {} } },
});

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const lines = { out: '', error: '' };
  const code = await runCommand({
    args,
    out: (text) => (lines.out += text),
    error: (text) => (lines.error += text),
  });
  return { code, ...lines };
}

describe('org-openapi', () => {
  it('ends with 1 where clients break, and says where', async () => {
    const { code, out } = await run('diff', more, old);
    expect(code).toBe(1);
    expect(out).toBe(
      'breaking GET /b: the operation is gone\n         operation-removed at #/paths/~1b/get',
    );
  });

  it('ends with 0 where they do not, and is silent about what is safe', async () => {
    const { code, out } = await run('diff', old, more);
    expect([code, out]).toEqual([0, 'Nothing that matters to clients has changed.']);
    expect((await run('diff', old, more, '--all')).out).toContain('operation-added');
  });

  it('is as strict as it is told, and prints JSON', async () => {
    const { code, out } = await run('diff', old, more, '--fail-on', 'safe', '--json', '--all');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual([expect.objectContaining({ kind: 'operation-added' })]);
  });

  it.each([
    [['diff', 'one.json'], 'Give "diff" and two files.'],
    [['dif', old, more], 'Give "diff" and two files.'],
    [['diff', old, more, '--fail-on', 'all'], '--fail-on must be one of breaking, risky, safe'],
    [['diff', old, join(folder, 'absent.json')], 'ENOENT'],
    [['diff', old, file('text.json', 'openapi: 3.1.1')], 'is no JSON'],
    [['diff', old, file('other.json', { swagger: '2.0' })], 'is no OpenAPI 3.1 document'],
    [['diff', old, file('former.json', { openapi: '3.0.4' })], 'is no OpenAPI 3.1 document'],
    [
      [
        'diff',
        old,
        file('broken.json', { openapi: '3.1.1', paths: { '/a': { get: { security: 1 } } } }),
      ],
      'is not as OpenAPI 3.1 says',
    ],
    [['diff', old, more, '--unknown'], '--unknown'],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, error } = await run(...args);
    expect(code).toBe(2);
    expect(error).toContain(message);
    expect(error).toContain('Usage: org-openapi');
  });

  it('helps', async () => {
    expect((await run('--help')).out).toContain('Usage: org-openapi');
  });
});
