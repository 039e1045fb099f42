/** Everything at once: orders that must not be lost or half done, event streams, WebSockets and jobs. */
import http from 'node:http';
import { WebSocket } from 'ws';

import { type Child, endAll, startService } from './child.ts';

afterAll(endAll);

const ORDERING = 60;
const LISTENING = 20;

/**
 * Sends orders over one connection, each once, until nobody listens any more; gives those that were
 * answered. A new connection may be one that the kernel has accepted and Node never saw: its order
 * must not have begun.
 */
async function keepOrdering(port: number, client: number, onAnswer: () => void): Promise<string[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const answered: string[] = [];
  for (let number = 0; ; number++) {
    const order = `${client}-${number}`;
    try {
      // oxlint-disable-next-line no-await-in-loop -- a client has one order under way
      const status = await post(port, `/orders?order=${order}`, agent);
      if (status !== 200) throw new Error(`order ${order} was answered ${status}`);
    } catch (error) {
      agent.destroy();
      const { code, onNewConnection } = error as NodeJS.ErrnoException & Failed;
      if (onNewConnection && (code === 'ECONNREFUSED' || code === 'ECONNRESET')) return answered;
      throw error;
    }
    answered.push(order);
    onAnswer();
  }
}

interface Failed {
  readonly onNewConnection: boolean;
}

function post(port: number, path: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ port, path, agent, method: 'POST' }, (answer) => {
      answer.on('error', reject);
      answer.on('end', () => resolve(answer.statusCode!));
      answer.resume();
    });
    sent.on('error', (error) => {
      reject(Object.assign(error, { onNewConnection: !sent.reusedSocket } satisfies Failed));
    });
    sent.end();
  });
}

/** Listens until the stream ends; rejects if it is cut off. Gives its last event. */
function listen(port: number, onBegin: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = http.get({ port, path: '/events', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        if (text === '') onBegin();
        text += part;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve(text.trimEnd().split('\n\n').at(-1)!));
    });
    asked.on('error', reject);
  });
}

/** Talks until it is told to go; gives the close code. */
function talk(port: number, onBegin: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.on('open', () => socket.send('a'));
    socket.once('message', onBegin);
    socket.on('message', () => socket.send('a'));
    socket.on('error', reject);
    socket.on('close', resolve);
  });
}

function each<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

/** Resolves once so many have been noted. */
function countdown(count: number): { readonly done: Promise<void>; readonly note: () => void } {
  let left = count;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (finish = resolve));
  return {
    done,
    note() {
      if (--left === 0) finish();
    },
  };
}

/** Numbers or orders of which the service has said so. */
function saidOf(child: Child, event: string): readonly string[] {
  return child.said
    .filter((said) => said.event === event)
    .map(({ order, job }) => order ?? String(job))
    .toSorted();
}

test.each(['alone', 'setup'] as const)(
  'nothing is lost, cut off or half done, %s',
  async (mode) => {
    const child = await startService(mode, { readinessDelayMs: 100 });
    const { port } = child;
    const connected = countdown(2 * LISTENING);
    const listening = Promise.all(each(LISTENING, () => listen(port, connected.note)));
    const talking = Promise.all(each(LISTENING, () => talk(port, connected.note)));
    await connected.done;
    const warm = countdown(1000);
    const orders = Promise.all(each(ORDERING, (at) => keepOrdering(port, at, warm.note)));
    await warm.done;
    child.process.kill('SIGTERM');
    const { code, report } = await child.ended;

    const answered = (await orders).flat();
    expect(answered.length).toBeGreaterThan(900);
    expect(saidOf(child, 'order kept')).toEqual(answered.toSorted());
    expect(saidOf(child, 'order begun')).toEqual(answered.toSorted());
    expect(await listening).toEqual(Array<string>(LISTENING).fill('event: bye\ndata:'));
    expect(await talking).toEqual(Array<number>(LISTENING).fill(1001));
    expect(saidOf(child, 'job done')).toEqual(saidOf(child, 'job begun'));
    expect(code).toBe(0);
    expect(child.complaints()).toBe('');
    expect(report).toMatchObject({ exitCode: 0, hungRequestsTotal: 0, hung: [], failed: [] });
  },
);
