import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { replay } from '@org/security';
import { runCommand } from '../../src/threats/command-line.ts';

const LOG = [
  JSON.stringify({ method: 'GET', url: `/items/4711?q=7%27+or+%271%27%3D%271` }),
  JSON.stringify({ method: 'GET', url: `/items/4712?q=7%27+or+%271%27%3D%271` }),
  JSON.stringify({ url: '/items/4713?q=hello' }),
  JSON.stringify({
    method: 'POST',
    url: '/hooks/1',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ a: { $ne: 1 }, b: '<script>x()</script>' }),
  }),
  'no json',
  '{"method": "GET"}',
  '',
];

describe('replay', () => {
  it('counts by class, by route with ids taken out, and by rule with examples', async () => {
    const report = await replay(LOG);
    expect(report).toMatchObject({
      requests: 4,
      found: 3,
      refused: 3,
      unreadable: 2,
      threats: { sqli: 2, nosql: 1, xss: 1 },
      routes: { '/items/:id': 2, '/hooks/:id': 1 },
    });
    expect(report.rules[0]).toMatchObject({ rule: 'sqli-tautology', count: 2 });
    expect(report.rules[0]!.examples[0]).toBe(`GET /items/:id query q: 7' or '1'='1`);
  });

  it('follows the policy: routes left out, and modes', async () => {
    const report = await replay(LOG, { mode: 'detect', routes: { '/hooks/:id': false } });
    expect(report).toMatchObject({ requests: 4, found: 2, refused: 0, threats: { sqli: 2 } });
  });

  it('keeps few routes and examples, however many a log has', async () => {
    const lines = Array.from({ length: 700 }, (_, at) =>
      JSON.stringify({
        url: `/${'abcdefghij'[at % 10]}x${'klmnopqrst'[Math.floor(at / 10) % 10]}y${'uvwxyzabc'[Math.floor(at / 100)]}?q=../../etc/passwd`,
      }),
    );
    const report = await replay(lines);
    expect(Object.keys(report.routes).length).toBeLessThanOrEqual(501);
    expect(report.rules.every(({ examples }) => examples.length <= 3)).toBe(true);
  });
});

describe('org-threats', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'org-threats-'));
    await writeFile(join(folder, 'log.jsonl'), LOG.join('\n'));
    await writeFile(
      join(folder, 'options.json'),
      JSON.stringify({ routes: { '/hooks/:id': false } }),
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
    let out = '';
    let error = '';
    const code = await runCommand({
      args,
      input: Readable.from([LOG.join('\n')]),
      out: (text) => void (out += text),
      error: (text) => void (error += text),
    });
    return { code, out, error };
  }

  it('reads standard input or a file, and ends with 1 when something was found', async () => {
    const fromInput = await run();
    expect(fromInput.code).toBe(1);
    expect(fromInput.out).toContain('4 requests, 3 with findings, 3 refused, 2 lines unreadable');
    expect(fromInput.out).toContain('sqli-tautology');
    expect(await run(join(folder, 'log.jsonl'))).toEqual(fromInput);
  });

  it('takes the options of threats() from a file, and prints JSON', async () => {
    const { out } = await run(
      '--options',
      join(folder, 'options.json'),
      '--json',
      '--strictness',
      '3',
    );
    expect(JSON.parse(out)).toMatchObject({ requests: 4, found: 2 });
  });

  it('ends with 2 and its usage for a wrong call, and says what is wrong', async () => {
    for (const args of [
      ['--wrong'],
      ['--strictness', '9'],
      [join(folder, 'absent.jsonl')],
      ['--options', join(folder, 'absent')],
    ]) {
      const { code, error } = await run(...args);
      expect(code).toBe(2);
      expect(error).toContain('Usage: org-threats');
    }
    expect(await run('--help')).toMatchObject({ code: 0 });
  });
});
