import http, { type IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { WebSocket } from 'ws';

import { type Child, endAll, startService } from './child.ts';

afterAll(endAll);

const isWorking = ({ event }: { event: string }): boolean => event === 'working';
const inPhase =
  (name: string) =>
  ({ phase }: { phase?: string | undefined }): boolean =>
    phase === name;

interface Answer {
  readonly status: number;
  readonly connection: string | undefined;
  readonly body: string;
}

/** One request; rejects if its answer does not arrive whole. */
function ask(port: number, path: string, agent?: http.Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: '127.0.0.1', port, path, agent },
      (response: IncomingMessage) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            connection: response.headers.connection,
            body,
          }),
        );
      },
    );
    request.on('error', (error) => {
      reject(Object.assign(error, { onNewConnection: !request.reusedSocket } satisfies Failed));
    });
  });
}

interface Failed {
  readonly onNewConnection: boolean;
}

/** A client that asks one thing after the other until nobody listens any more; gives what it lost. */
async function keepAsking(port: number, paths: readonly string[], onAnswer: () => void) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const lost: unknown[] = [];
  for (let at = 0; ; at++) {
    try {
      const path = paths[at % paths.length]!;
      const { status, body } = await ask(port, path, agent);
      const isWhole = path === '/stream' ? body.length === 200 : body === '{"fine":true}';
      if (status !== 200 || !isWhole) lost.push({ path, status, body });
      onAnswer();
    } catch (error) {
      const { code, onNewConnection } = error as NodeJS.ErrnoException & Failed;
      // Refused, or one that the kernel had accepted and Node never saw when the listening stopped:
      // it carried no request to us. What is the readiness delay's to prevent has no balancer here.
      const isUnseen = onNewConnection && (code === 'ECONNREFUSED' || code === 'ECONNRESET');
      if (!isUnseen) lost.push(error);
      agent.destroy();
      return lost;
    }
  }
}

/** A raw connection, and all that arrives on it until it ends. */
async function raw(port: number): Promise<{ socket: Socket; text: Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => (received += text));
  socket.on('error', () => undefined);
  const text = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(received));
  });
  await once(socket, 'connect');
  return { socket, text };
}

async function signalled(child: Child, signal: NodeJS.Signals = 'SIGTERM') {
  child.process.kill(signal);
  return child.ended;
}

describe.each([
  ['alone', ['jobs']],
  ['setup', ['database', 'jobs', 'shutdown', 'monitoring']],
] as const)('a busy service, %s', (mode, closed) => {
  test.each([0, 300])(
    'loses none of the requests of 200 kept-alive connections, with a delay of %i ms',
    async (readinessDelayMs) => {
      const child = await startService(mode, { readinessDelayMs });
      let answers = 0;
      let warm: () => void = () => undefined;
      const isWarm = new Promise<void>((resolve) => (warm = resolve));
      const paths = ['/fast', '/slow?ms=60', '/stream', '/slow?ms=5', '/fast', '/slow?ms=400'];
      const clients = Array.from({ length: 200 }, (_, at) =>
        keepAsking(child.port, [...paths.slice(at % 6), ...paths.slice(0, at % 6)], () => {
          if (++answers === 1000) warm();
        }),
      );
      await isWarm;
      const { code, report } = await signalled(child);
      expect((await Promise.all(clients)).flat()).toEqual([]);
      expect(code).toBe(0);
      expect(report).toMatchObject({
        reason: 'SIGTERM',
        exitCode: 0,
        hungRequestsTotal: 0,
        hung: [],
        failed: [],
      });
      expect(new Set(report?.closed)).toEqual(new Set(closed));
    },
  );
});

describe('connections', () => {
  test('an idle one may still bring a request, and its answer says that it is the last', async () => {
    const child = await startService('alone', { readinessDelayMs: 0, idleGraceMs: 2000 });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(child.port, '/fast', agent)).connection).toBe('keep-alive');
    child.process.kill('SIGTERM');
    await child.heard(inPhase('requests'));
    expect(await ask(child.port, '/fast', agent)).toMatchObject({
      status: 200,
      connection: 'close',
    });
    await expect(ask(child.port, '/fast', agent)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await child.ended).toMatchObject({ code: 0, report: { lateRequestsTotal: 1 } });
  });

  test('while readiness is down and the balancer turns away, everything is served as before', async () => {
    const child = await startService('alone', { readinessDelayMs: 3000, idleGraceMs: 50 });
    child.process.kill('SIGTERM');
    await child.heard(inPhase('readiness'));
    const agent = new http.Agent({ keepAlive: true });
    expect(await ask(child.port, '/fast', agent)).toMatchObject({
      status: 200,
      connection: 'keep-alive',
    });
    agent.destroy();
    expect((await child.ended).code).toBe(0);
  });

  test('a request in flight when the drain begins ends its connection with its answer', async () => {
    const child = await startService('alone', { readinessDelayMs: 0 });
    const agent = new http.Agent({ keepAlive: true });
    const answer = ask(child.port, '/last', agent);
    await child.heard(isWorking);
    child.process.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 200, connection: 'close' });
    expect((await child.ended).code).toBe(0);
  });

  test('a half-sent head or body does not hold the exit, nor count as a request that hung', async () => {
    const child = await startService('alone', { readinessDelayMs: 0, idleGraceMs: 200 });
    const head = await raw(child.port);
    head.socket.write('GET /fast HTTP/1.1\r\nHost: x\r\nX-Half');
    const body = await raw(child.port);
    body.socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
    await child.heard(isWorking);
    const { code, report } = await signalled(child);
    expect([code, report?.hungRequestsTotal]).toEqual([0, 0]);
    expect([await head.text, await body.text]).toEqual(['', '']);
  });

  test('a body that keeps coming is waited for', async () => {
    const child = await startService('alone', { readinessDelayMs: 0, idleGraceMs: 1500 });
    const { socket, text } = await raw(child.port);
    socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n');
    await child.heard(isWorking);
    child.process.kill('SIGTERM');
    await child.heard(inPhase('requests'));
    const timer = setInterval(() => socket.write('x'), 200);
    expect(await text).toContain('{"bytes":10}');
    clearInterval(timer);
    expect((await child.ended).code).toBe(0);
  });

  test('a request that hangs is cut off in the end, and the report names it without its query', async () => {
    const child = await startService('alone', { readinessDelayMs: 0, drainTimeoutMs: 300 });
    const answer = ask(child.port, '/hang?token=secret').catch((error: unknown) => error);
    await child.heard(isWorking);
    const { code, report } = await signalled(child, 'SIGINT');
    expect(code).toBe(1);
    expect(report).toMatchObject({
      reason: 'SIGINT',
      hungRequests: ['GET /hang'],
      hungRequestsTotal: 1,
    });
    expect(await answer).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a WebSocket is told 1001, and one that does not answer is cut off (RFC 6455 §7.4.1)', async () => {
    const child = await startService('alone', { readinessDelayMs: 0, idleGraceMs: 300 });
    const polite = new WebSocket(`ws://127.0.0.1:${child.port}`);
    await once(polite, 'open');
    polite.send('hello');
    expect(String((await once(polite, 'message'))[0])).toBe('hello');
    const mute = await raw(child.port);
    mute.socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(mute.socket, 'data');
    const closed = once(polite, 'close');
    child.process.kill('SIGTERM');
    expect((await closed)[0]).toBe(1001);
    await mute.text;
    expect((await child.ended).code).toBe(0);
  });

  test('an HTTP/2 session gets GOAWAY and ends after its streams (RFC 9113 §6.8)', async () => {
    const child = await startService('http2', { readinessDelayMs: 0 });
    const session = http2.connect(`http://127.0.0.1:${child.port}`);
    const goaway = once(session, 'goaway');
    const stream = session.request({ ':path': '/x' });
    let body = '';
    stream.setEncoding('utf8').on('data', (text: string) => (body += text));
    await child.heard(isWorking);
    const closed = Promise.all([once(stream, 'close'), once(session, 'close')]);
    child.process.kill('SIGTERM');
    expect((await goaway)[0]).toBe(0);
    await closed;
    expect(body).toBe('fine /x');
    expect(await child.ended).toMatchObject({ code: 0, report: { hungRequestsTotal: 0 } });
  });
});

describe('the process', () => {
  test('ends with 128 + n at once when a second signal comes', async () => {
    const child = await startService('alone', { readinessDelayMs: 0 });
    const answer = ask(child.port, '/hang').catch((error: unknown) => error);
    await child.heard(isWorking);
    child.process.kill('SIGTERM');
    await child.heard(inPhase('requests'));
    const { code, report } = await signalled(child, 'SIGINT');
    expect(code).toBe(130);
    expect(report).toMatchObject({ reason: 'SIGTERM', forcedBy: 'SIGINT', exitCode: 130 });
    expect(await answer).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a second signal ends the readiness delay and a component that hangs, too', async () => {
    const long = { readinessDelayMs: 100_000, deadlineMs: 200_000 };
    const waiting = await startService('alone', long);
    waiting.process.kill('SIGTERM');
    await waiting.heard(inPhase('readiness'));
    expect((await signalled(waiting, 'SIGINT')).code).toBe(130);

    const hanging = await startService('setup', { readinessDelayMs: 0, idleGraceMs: 0 }, true);
    hanging.process.kill('SIGTERM');
    await hanging.heard(inPhase('components'));
    const { code, report } = await signalled(hanging, 'SIGINT');
    expect(code).toBe(130);
    expect(report?.hung).toContain('database');
  });

  test('ends with 1 when components are not done by the deadline, and says which', async () => {
    const child = await startService(
      'setup',
      { readinessDelayMs: 0, idleGraceMs: 0, deadlineMs: 300 },
      true,
    );
    const { code, report } = await signalled(child);
    expect(code).toBe(1);
    expect(report).not.toHaveProperty('forcedBy');
    expect(report?.hung).toContain('database');
  });

  test.each<[string, NodeJS.Signals, boolean]>([
    ['SIGTERM that only the primary gets', 'SIGTERM', false],
    ['SIGTERM that systemd sends to all of them', 'SIGTERM', true],
    ['SIGINT that only the primary gets', 'SIGINT', false],
    ['SIGINT that a terminal sends to all of them', 'SIGINT', true],
  ])(
    'of a cluster loses no request by a %s: workers leave of their own will, and the primary waits',
    async (_name, signal, all) => {
      const child = await startService('cluster', { readinessDelayMs: 0 });
      const answer = ask(child.port, '/last');
      const { pid } = await child.heard(isWorking);
      child.process.kill(signal);
      if (all) process.kill(pid, signal);
      expect(await answer).toMatchObject({ status: 200, connection: 'close' });
      expect((await child.ended).code).toBe(0);
      const exits = child.said.filter(({ event }) => event === 'worker exit');
      expect(exits.map(({ code, voluntary }) => [code, voluntary])).toEqual([
        [0, true],
        [0, true],
      ]);
    },
  );

  test('of a primary gives its workers as long as they may take themselves', async () => {
    // Longer than the time for requests alone, which begins after the delay.
    const child = await startService('cluster', { readinessDelayMs: 1000, drainTimeoutMs: 700 });
    const answer = ask(child.port, '/slow?ms=1200');
    await child.heard(isWorking);
    child.process.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 200 });
    expect((await child.ended).code).toBe(0);
  });
});
