/**
 * Clients within the server's own process, without a network: what the system does for a socket is
 * the same for every contender, and on a shared machine the least steady part of what is measured.
 */
import type { Server } from 'node:http';
import { Duplex } from 'node:stream';

/** How many ask in one turn of the loop: few enough that no queue sees an overload. */
const CLIENTS = 5;

/** What an answer begins with; the bodies of the bench begin otherwise. */
const FIRST_BYTE = 'H'.charCodeAt(0);

/** One side of a connection: what is pushed is what the server reads. */
class Client extends Duplex {
  readonly remoteAddress: string = '127.0.0.1';
  answers: number = 0;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (chunk[0] === FIRST_BYTE) this.answers++;
    done();
  }

  setTimeout(): this {
    return this;
  }

  destroySoon(): void {
    this.destroy();
  }
}

/** Has `server` answer so many requests for `path`, and tells what that cost: µs of processor time each. */
export async function microsPerRequest(
  server: Server,
  path: string,
  requests: number,
): Promise<number> {
  const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: keep-alive\r\n\r\n`;
  const bytes = Buffer.from(request, 'latin1');
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  for (const client of clients) server.emit('connection', client);
  const before = process.cpuUsage();
  let asked = 0;
  for (; asked < requests; asked += CLIENTS) {
    for (const client of clients) client.push(bytes);
    while (clients.some(({ answers }) => answers * CLIENTS < asked + CLIENTS)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const { user, system } = process.cpuUsage(before);
  for (const client of clients) client.destroy();
  return (user + system) / asked;
}
