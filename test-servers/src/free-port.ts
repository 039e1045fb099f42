/** Ports of loopback for servers that have to be told theirs. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that systems hand out by themselves (Linux from 32768, others from 49152): nobody is
 * given one of these between the look at it and its use, nor while its server is started again.
 */
const FIRST = 16_384;
const COUNT = 16_384;
/** How far apart two processes begin that were started one after the other. */
const APART = 127;

let next = process.pid * APART;

/** A port that nobody listens at, and that no other call has been given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT);
    // oxlint-disable-next-line no-await-in-loop -- one after the other, until one is free
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${FIRST} to ${FIRST + COUNT - 1} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
