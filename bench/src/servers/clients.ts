/**
 * Clients within the server's own process, without a network: what the system does for a socket is
 * the same for every contender, and on a shared machine the least steady part of what is measured.
 */
import type { Server } from 'node:http';
import { Duplex } from 'node:stream';

/** How many ask in one turn of the event loop: so few that no queue takes it for an overload. */
const CLIENTS = 4;

/** What good answers begin with; their bodies begin otherwise. */
const GOOD = Buffer.from('HTTP/1.1 200 ');
const [FIRST_BYTE] = GOOD;

/** One side of a connection: what is pushed is what the server reads. */
class Client extends Duplex {
  readonly remoteAddress: string = '127.0.0.1';
  answers: number = 0;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (chunk[0] === FIRST_BYTE) {
      if (GOOD.compare(chunk, 0, GOOD.length) !== 0)
        throw new Error(`no good: ${chunk.toString()}`);
      this.answers++;
    }
    done();
  }

  setTimeout(): this {
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }
}

/**
 * Has `server` answer so many requests for `path`, and tells what each cost, in µs of processor
 * time. An answer that is no good ends the process.
 */
export async function microsPerRequest(
  server: Server,
  path: string,
  requests: number,
): Promise<number> {
  const request = Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: keep-alive\r\n\r\n`,
    'latin1',
  );
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  for (const client of clients) server.emit('connection', client);
  const turns = Math.ceil(requests / CLIENTS);
  const before = process.cpuUsage();
  for (let turn = 1; turn <= turns; turn++) {
    for (const client of clients) client.push(request);
    do await new Promise((resolve) => setImmediate(resolve));
    while (clients.some(({ answers }) => answers < turn));
  }
  const { user, system } = process.cpuUsage(before);
  for (const client of clients) client.destroy();
  return (user + system) / (turns * CLIENTS);
}
