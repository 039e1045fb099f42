import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer, request as tlsRequest } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import { defineComponent, FAULT_CHANNEL } from '@org/core';
import { fakeClock, fakeHost, middlewareContract, serve } from '@org/core/testing';
import { setup } from '@org/setup';
import { shutdown } from '@org/shutdown';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { WebSocket, WebSocketServer } from 'ws';

import { CERTIFICATE, KEY } from './certificate.ts';

middlewareContract('shutdown', { factory: shutdown, example: { idleGraceMs: 10 }, setup });

const quick = { exit: false, readinessDelayMs: 0, idleGraceMs: 0 } as const;
const listening = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
};

describe('options', () => {
  test('are refused by name, value and form', () => {
    expect(() => shutdown({ signals: ['SIGKILL'] })).toThrow('can be handled');
    expect(() => shutdown({ signals: ['SIGNONSENSE' as 'SIGTERM'] })).toThrow('"SIGTERM"');
    expect(() => shutdown({ idleGraceMs: -1 })).toThrow('idleGraceMs');
    expect(() => shutdown({ components: [{} as never] })).toThrow('a component');
    // It would end before it has begun.
    expect(() => shutdown({ readinessDelayMs: 30_000 })).toThrow(/"deadlineMs".*28000 and 30000/);
  });
});

describe('signals', () => {
  test('are heard from start() to close(), once each, and not before', async () => {
    const before = process.listenerCount('SIGUSR2');
    const gate = shutdown({ signals: ['SIGUSR2'] });
    expect(process.listenerCount('SIGUSR2')).toBe(before);
    gate.start();
    gate.start();
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    gate.close();
    gate.close();
    expect(process.listenerCount('SIGUSR2')).toBe(before);
  });
});

describe('a second signal', () => {
  const begun = (clock: ReturnType<typeof fakeClock>) => {
    const gate = shutdown({
      exit: false,
      clock,
      signals: ['SIGUSR2', 'SIGHUP'],
      readinessDelayMs: 10_000,
      idleGraceMs: 0,
    });
    gate.start();
    process.emit('SIGUSR2', 'SIGUSR2');
    expect(gate.draining).toBe(true);
    return gate;
  };

  test('of the same name is the first one, passed on, within 500 ms, and forces after that', async () => {
    const clock = fakeClock();
    const gate = begun(clock);
    clock.advance(499);
    process.emit('SIGUSR2', 'SIGUSR2');
    await new Promise(setImmediate);
    expect(gate.stats()).toMatchObject({ phase: 'readiness' });
    clock.advance(1);
    process.emit('SIGUSR2', 'SIGUSR2');
    expect(await gate.shutdown()).toMatchObject({ reason: 'SIGUSR2', forcedBy: 'SIGUSR2' });
  });

  test('is not needed when a host breaks: the first one ends the process all the same', async () => {
    const faults: unknown[] = [];
    const note = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, note);
    const exited = new Promise((resolve) => {
      jest.spyOn(process, 'exit').mockImplementation((code) => resolve(code) as never);
    });
    const gate = shutdown({ ...quick, exit: true, signals: ['SIGUSR2'] });
    gate.attach?.(fakeHost({ closeComponents: () => Promise.reject(new Error('deliberate')) }));
    gate.start?.();
    process.emit('SIGUSR2', 'SIGUSR2');
    expect(await exited).toBe(1);
    expect(faults).toHaveLength(1);
    jest.restoreAllMocks();
    unsubscribe(FAULT_CHANNEL, note);
    gate.close();
  });

  test('of another name forces at once', async () => {
    const gate = begun(fakeClock());
    process.emit('SIGHUP', 'SIGHUP');
    expect(await gate.shutdown()).toMatchObject({ forcedBy: 'SIGHUP', exitCode: 129 });
  });
});

describe('shutdown()', () => {
  test('gives every caller the same report, and lets go of everything', async () => {
    const server = createServer((_req, res) => res.end('fine'));
    const before = server.eventNames().map((name) => [name, server.listenerCount(name)]);
    const gate = shutdown({ ...quick, signals: ['SIGUSR2'] });
    gate.serve(server);
    gate.serve(server);
    gate.start();
    await listening(server);
    const [first, second] = await Promise.all([gate.shutdown('test'), gate.shutdown('again')]);
    expect(first).toBe(second);
    expect(first).toMatchObject({ reason: 'test', exitCode: 0, hung: [], failed: [] });
    expect(Object.isFrozen(first)).toBe(true);
    expect(server.listening).toBe(false);
    expect(process.listenerCount('SIGUSR2')).toBe(0);
    const after = server.eventNames().map((name) => [name, server.listenerCount(name)]);
    expect(after.filter(([name]) => name !== 'close')).toEqual(
      before.filter(([name]) => name !== 'close'),
    );
  });

  test('closes dependants before what they depend on, otherwise the last first, then calls onClose', async () => {
    const order: string[] = [];
    const part = (name: string, requires: readonly string[] = []) =>
      defineComponent(name, { requires, close: () => void order.push(name) });
    const gate = shutdown({
      ...quick,
      components: [
        part('api', ['db']),
        part('db'),
        part('log'),
        part('a', ['b']),
        part('b', ['a']),
      ],
      onClose: () => void order.push('onClose'),
    });
    const report = await gate.shutdown();
    expect(order.indexOf('api')).toBeLessThan(order.indexOf('db'));
    expect(order.indexOf('log')).toBeLessThan(order.indexOf('db'));
    expect(order.at(-1)).toBe('onClose');
    expect(report.closed).toEqual(order);
  });

  test('who hangs or fails holds up nobody else, and is named', async () => {
    const clock = fakeClock();
    let signalOfHung: AbortSignal | undefined;
    const hung = new Promise<void>((resolve) => {
      signalOfHung = undefined;
      setImmediate(resolve);
    });
    const gate = shutdown({
      ...quick,
      clock,
      closeTimeoutMs: 50,
      components: [
        defineComponent('last', { close: () => undefined }),
        defineComponent('hangs', {
          close: (signal?: AbortSignal) => {
            signalOfHung = signal;
            return new Promise<void>(() => undefined);
          },
        }),
        defineComponent('fails', { close: () => Promise.reject(new Error('deliberate')) }),
      ],
    });
    const report = gate.shutdown();
    await hung;
    expect(signalOfHung?.aborted).toBe(false);
    clock.advance(50);
    expect(await report).toMatchObject({
      exitCode: 1,
      closed: ['last'],
      hung: ['hangs'],
      failed: [{ name: 'fails', error: new Error('deliberate') }],
    });
    expect(signalOfHung?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('what the deadline leaves open is hung, and the exit code tells', async () => {
    const clock = fakeClock();
    const gate = shutdown({
      exit: false,
      clock,
      deadlineMs: 2000,
      idleGraceMs: 5000,
      components: [defineComponent('db', { close: () => undefined })],
      onClose: () => undefined,
    });
    const { server } = await serve((_req, res) => void res.end('fine'));
    gate.serve(server);
    const idle = connect((server.address() as { port: number }).port, '127.0.0.1');
    await once(server, 'connection');
    const report = gate.shutdown();
    clock.advance(1000);
    await new Promise(setImmediate);
    clock.advance(1000);
    expect(await report).toMatchObject({ exitCode: 1, closed: [], hung: ['db', 'onClose'] });
    idle.destroy();
  });

  test('drives its host: readiness first, the components last', async () => {
    const steps: string[] = [];
    const host = fakeHost({
      components: () => [defineComponent('db', {})],
      drain: () => void steps.push('drain'),
      closeComponents: () => {
        steps.push('close');
        return Promise.resolve({ closed: ['db'], hung: [], failed: [], durationMs: 1 });
      },
    });
    const gate = shutdown({ ...quick, onPhase: (phase) => void steps.push(phase) });
    gate.attach?.(host);
    expect((await gate.shutdown()).closed).toEqual(['db']);
    expect(steps).toEqual(['drain', 'readiness', 'requests', 'components', 'close', 'closed']);
  });

  test('says how it is: health, statistics, draining, and a signal for streams', async () => {
    const { server, url, close } = await serve((_req, res) => void res.end('fine'));
    const gate = shutdown(quick);
    gate.serve(server);
    const never = new AbortController().signal;
    expect(await gate.health?.(never)).toEqual({ status: 'pass' });
    await (await fetch(url)).text();
    expect(gate.stats()).toMatchObject({
      phase: 'serving',
      servers: 1,
      connections: 1,
      requestsInFlight: 0,
      webSockets: 0,
    });
    expect([gate.draining, gate.signal.aborted]).toEqual([false, false]);
    const over = gate.shutdown();
    expect([gate.draining, gate.signal.aborted]).toEqual([true, true]);
    expect(await gate.health?.(never)).toMatchObject({ status: 'warn' });
    await over;
    expect(gate.stats()).toMatchObject({ phase: 'closed', connections: 0 });
    await close();
  });

  test('a listener that throws stops nothing, and its fault is published', async () => {
    const faults: unknown[] = [];
    const note = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, note);
    const throwing = (): never => {
      throw new Error('deliberate');
    };
    const report = await shutdown({ ...quick, onPhase: throwing, onReport: throwing }).shutdown();
    unsubscribe(FAULT_CHANNEL, note);
    expect(report.exitCode).toBe(0);
    expect(faults).toHaveLength(5);
  });

  test('so is one that rejects: it does not end the process', async () => {
    const faults: unknown[] = [];
    const note = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, note);
    const rejecting = (): unknown => Promise.reject(new Error('deliberate'));
    const report = await shutdown({ ...quick, onPhase: rejecting, onReport: rejecting }).shutdown();
    await new Promise(setImmediate);
    unsubscribe(FAULT_CHANNEL, note);
    expect(report.exitCode).toBe(0);
    expect(faults).toHaveLength(5);
  });

  test('drains a TLS server: a request in flight is answered, and a half-done handshake does not hold', async () => {
    let working: () => void = () => undefined;
    const isWorking = new Promise<void>((resolve) => (working = resolve));
    let answer: () => void = () => undefined;
    const server = createTlsServer({ key: KEY, cert: CERTIFICATE }, (_req, res) => {
      working();
      answer = () => void res.end('fine');
    });
    const gate = shutdown({ ...quick, idleGraceMs: 100 });
    gate.serve(server);
    const port = await listening(server);
    const half = connect(port, '127.0.0.1');
    await once(half, 'connect');
    const request = tlsRequest({ port, host: '127.0.0.1', rejectUnauthorized: false }).end();
    const response = once(request, 'response');
    await isWorking;
    expect(gate.stats()).toMatchObject({ connections: 2, requestsInFlight: 1 });
    const over = gate.shutdown();
    // The drain begins a turn later, because there is no readiness delay.
    await new Promise(setImmediate);
    answer();
    const [message] = (await response) as [import('node:http').IncomingMessage];
    expect(message.headers.connection).toBe('close');
    message.resume();
    expect((await over).exitCode).toBe(0);
    expect(server.listening).toBe(false);
    half.destroy();
  });
});

describe('upgrades', () => {
  test('their library may close them: without closeWebSockets they outlive the drain', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    const gate = shutdown({
      ...quick,
      closeWebSockets: false,
      components: [
        defineComponent('sockets', {
          close: async () => {
            const all = [...sockets.clients];
            for (const one of all) one.close(4001);
            await Promise.all(all.map((one) => once(one, 'close')));
          },
        }),
      ],
    });
    gate.serve(server);
    const client = new WebSocket(`ws://127.0.0.1:${await listening(server)}`);
    await once(client, 'open');
    const closed = once(client, 'close');
    expect(await gate.shutdown()).toMatchObject({ exitCode: 0, closed: ['sockets'] });
    expect((await closed)[0]).toBe(4001);
  });

  test('a server that takes none goes on answering them as requests', async () => {
    const { server, url, close } = await serve((_req, res) => void res.end('plain'));
    const gate = shutdown(quick);
    gate.serve(server);
    expect(server.listenerCount('upgrade')).toBe(0);
    const answer = await fetch(url, { headers: { connection: 'close' } });
    expect(await answer.text()).toBe('plain');
    const listener = (): void => undefined;
    server.on('upgrade', listener);
    expect(server.listenerCount('upgrade')).toBe(2);
    server.off('upgrade', listener);
    expect(server.listenerCount('upgrade')).toBe(0);
    gate.close();
    await close();
  });

  test('one whose handshake is not answered yet is not sent a frame', async () => {
    const server = createServer();
    const upgrading = once(server, 'upgrade');
    const gate = shutdown({ ...quick, idleGraceMs: 60 });
    gate.serve(server);
    const socket = connect(await listening(server), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await upgrading;
    const closed = once(socket, 'close');
    await gate.shutdown();
    await closed;
    expect(received).toBe('');
  });
});
