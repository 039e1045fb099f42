/**
 * The README's lines do what they say: each `curl` is run as it stands, in the README's order,
 * and its answer compared with the one behind it, in which `…` stands for anything.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Service, start } from './service.ts';

interface Example {
  readonly command: string;
  /** The answer as the README shows it; absent where it shows none. */
  readonly shown: string | undefined;
}

/** Every `sh` block with a `curl` in it, and the block right behind it, unless that is another command. */
const EXAMPLES: readonly Example[] = [
  ...readFileSync(join(__dirname, '../README.md'), 'utf8').matchAll(
    /^```sh\n(curl .*?)^```$(?:\n\n^```(?:json|http)?\n(.*?)^```$)?/gms,
  ),
].map(([, command, shown]) => ({ command: command!, shown }));

const DEMO = 'localhost:3000';

describe('the README of the service', () => {
  let service: Service;
  /** The trip that was made last; the README calls it $ID. */
  let id = '';
  beforeAll(async () => {
    // Enough for what the README shows.
    service = await start({
      MIN_POPULATION: '15000',
      ONLY_COUNTRIES: 'AT,CN,FR',
      DATA_DIR: ':memory:',
    });
  });
  afterAll(async () => {
    await service?.stop();
  });

  /** Runs a block in a shell, against the service of the test. */
  async function run(command: string, flags: string): Promise<string> {
    const own = command
      .replaceAll(DEMO, new URL(service.url).host)
      .replaceAll(/^curl /gm, `curl -sS ${flags} `);
    const { stdout } = await promisify(execFile)('sh', ['-ec', own], {
      env: { PATH: process.env['PATH'], ID: id },
    });
    id = /^location: \/api\/trips\/([^\s/]+)\s*$/im.exec(stdout)?.[1] ?? id;
    return stdout;
  }

  test('has examples with answers', () => {
    expect(EXAMPLES.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(5);
  });

  test.each(
    EXAMPLES.map(
      ({ command, shown }) => [command.trim().split('\n', 1)[0], command, shown] as const,
    ),
  )('%s', async (_name, command, shown) => {
    const answer = await run(command, shown === undefined ? '--fail-with-body' : '');
    expect(missingFrom(answer, shown ?? '…')).toEqual([]);
  });
});

/** What the README shows of an answer and the answer does not have: lines of the head, in any order, or the body. */
function missingFrom(answer: string, shown: string): readonly string[] {
  const [, head, body] = /^(HTTP\/1\.1 .*?)(?:\n\n(.*))?$/s.exec(shown.trim()) ?? [];
  if (head === undefined) return patternOf(shown).test(squeezed(answer)) ? [] : [answer];
  const [answeredHead = '', ...rest] = answer.split('\r\n\r\n');
  const lines = answeredHead.split('\r\n').map(squeezed);
  const missing = head.split('\n').filter((line) => {
    const pattern = patternOf(line);
    return !lines.some((one) => pattern.test(one));
  });
  const same = body === undefined || patternOf(body).test(squeezed(rest.join('')));
  return same ? missing : [...missing, rest.join('')];
}

/** How JSON is laid out is of no account. */
function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, '');
}

function patternOf(shown: string): RegExp {
  const parts = squeezed(shown)
    // A list or an object that goes on need not go on.
    .replaceAll(/,?…,?/g, '…')
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 'is');
}
