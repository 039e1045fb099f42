import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';

import { launch, PART, type Service, start } from './service.ts';

describe('the process over a folder', () => {
  let folder: string;
  const running: Service[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'reference-'));
  });
  afterEach(async () => {
    for (const service of running.splice(0)) await service.stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(env: Record<string, string> = {}): Promise<Service> {
    const service = await start({ ...PART, MIN_POPULATION: '500000', DATA_DIR: folder, ...env });
    running.push(service);
    return service;
  }

  test('loads the data on its first start only, and keeps what it is given', async () => {
    const first = await run();
    expect(first.output()).toMatch(/loaded \d+ of \d+ cities/);
    const owner = { 'x-api-key': 'demo-key-of-ada' };
    const { headers } = await first.send('POST', '/api/trips', { name: 'x', stops: [] }, owner);
    expect(await first.stop()).toBe(0);

    const second = await run();
    expect(second.output()).not.toContain('loaded');
    expect((await second.get(headers.get('location')!, owner)).status).toBe(200);

    // Another process in the same folder would ruin it.
    const third = launch({ ...PART, DATA_DIR: folder });
    const errors: Buffer[] = [];
    third.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    expect(await once(third, 'close')).toEqual([1, null]);
    expect(Buffer.concat(errors).toString()).toContain(
      `Process ${second.process.pid} uses this data folder already`,
    );

    // A crash leaves the lock behind, and what was written.
    await second.stop('SIGKILL');
    expect(existsSync(join(folder, 'places.lock'))).toBe(true);
    const fourth = await run();
    expect((await fourth.get(headers.get('location')!, owner)).status).toBe(200);

    // More is asked for than there is.
    await fourth.stop();
    const fifth = await run({ MIN_POPULATION: '300000' });
    expect(fifth.output()).toMatch(/loaded \d+ of \d+ cities/);
    expect((await fifth.get('/api/cities?sort=population&limit=1')).body.items[0]).toMatchObject({
      population: expect.any(Number),
    });
    expect((await fifth.get(headers.get('location')!, owner)).status).toBe(200);
  });

  test('says that its port is taken before it loads anything', async () => {
    const first = await run();
    const second = launch({ ...PART, DATA_DIR: ':memory:', PORT: new URL(first.url).port });
    const [output, errors] = [textOf(second.stdout!), textOf(second.stderr!)];
    expect(await once(second, 'close')).toEqual([1, null]);
    expect(await errors).toMatch(/^PORT=\d+ is taken: end what listens there, or set PORT/);
    expect(await output).not.toContain('loaded');
  });

  test('loses no request when it is asked to end under load', async () => {
    const service = await run({ DATA_DIR: ':memory:' });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const faults: unknown[] = [];
    let answered = 0;
    let answeredAfter = 0;
    let asked = false;
    const client = async (): Promise<void> => {
      for (;;) {
        try {
          const status = await ask(`${service.url}/api/cities?limit=3`, agent);
          if (status !== 200) faults.push(status);
          answered++;
          if (asked) answeredAfter++;
        } catch (error) {
          const { code, onNewConnection } = error as NodeJS.ErrnoException & Failed;
          // Nobody listens any more, or the kernel had accepted what Node never saw: a balancer asks
          // another process, and nothing is lost.
          const isUnseen = onNewConnection && (code === 'ECONNREFUSED' || code === 'ECONNRESET');
          if (!isUnseen) faults.push(error);
          return;
        }
        // Once the load is real, and not before.
        if (answered === 200) {
          service.process.kill('SIGTERM');
          asked = true;
        }
      }
    };
    const ended = once(service.process, 'exit');
    await Promise.all(Array.from({ length: 8 }, client));
    expect(await ended).toEqual([0, null]);
    agent.destroy();
    expect(faults).toEqual([]);
    expect(answeredAfter).toBeGreaterThan(8);
  });

  test('begins anew when its first start was cut off', async () => {
    const child = launch({ ...PART, MIN_POPULATION: '500000', DATA_DIR: folder });
    while (!existsSync(join(folder, 'places', 'base'))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const service = await run();
    expect((await service.get('/api/cities?limit=3')).body.items).toHaveLength(3);
  });

  test('never removes a folder that it has not begun itself', async () => {
    const file = join(folder, 'places');
    writeFileSync(file, 'precious');
    const child = launch({ ...PART, DATA_DIR: folder });
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(existsSync(file)).toBe(true);
  });

  test('names every wrong variable of its environment', async () => {
    const child = launch({ PORT: 'http', API_KEYS: 'too-few', MIN_POPULATION: '-1' });
    const errors: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    expect(await once(child, 'close')).toEqual([1, null]);
    const text = Buffer.concat(errors).toString();
    for (const name of ['PORT', 'API_KEYS', 'MIN_POPULATION']) expect(text).toContain(name);
    // A key never shows, not even a wrong one.
    expect(text).not.toContain('too-few');
  });
});

interface Failed {
  readonly onNewConnection: boolean;
}

/** One request through a connection that may have served others; the status, once all of the answer is there. */
function ask(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    request.on('error', (error) => {
      reject(Object.assign(error, { onNewConnection: !request.reusedSocket } satisfies Failed));
    });
  });
}
