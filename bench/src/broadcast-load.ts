/**
 * Many who listen: `broadcast-load.js <url> <path> <clients>`. Says `0` when all do; then, for each
 * number of seconds that it is sent, asks for batches for so long, and says how many messages have
 * arrived. Bare sockets that count frames: a client library would cost more than the server.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [url = '', path = '', count = ''] = process.argv.slice(2);
const { hostname, port } = new URL(url);

/** Frames from this size on are the messages; shorter ones are the protocol's own. */
const MESSAGE_BYTES = 150;

let arrived = 0;
let expected = 0;
let onAll: () => void = () => undefined;

const protocol = await (await fetch(`${url}/protocol`)).text();
await Promise.all(Array.from({ length: Number(count) }, () => listen()));
process.on('message', (seconds: number) => void run(seconds));
process.once('disconnect', () => process.exit(1));
process.send!(0);

async function run(seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1000;
  const before = arrived;
  while (performance.now() < untilMs) {
    const sent = Number(await (await fetch(url + path)).text());
    expected += sent * Number(count);
    if (arrived < expected) await new Promise<void>((resolve) => (onAll = resolve));
  }
  process.send!(arrived - before);
}

/** Connects, and does what its protocol asks for to be told. */
async function listen(): Promise<void> {
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  const at = protocol === 'socket.io' ? '/socket.io/?EIO=4&transport=websocket' : '/live';
  socket.write(
    `GET ${at} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(String(head));
  const rest = head.subarray(head.indexOf('\r\n\r\n') + 4);
  if (protocol === 'plain') {
    read(socket, rest);
    return;
  }
  const text = protocol === 'socket.io' ? '40' : '{"id":1,"type":"subscribe","channel":"news"}';
  socket.write(masked(text));
  const answer = protocol === 'socket.io' ? '40{' : '"ack"';
  let heard = '';
  while (!heard.includes(answer)) heard += String(((await once(socket, 'data')) as [Buffer])[0]);
  read(socket, Buffer.alloc(0));
}

/** Counts the messages among the frames of a socket. */
function read(socket: Socket, first: Buffer): void {
  let rest = first;
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      if (bytes.length < at + 4) break;
      const short = bytes[at + 1]!;
      const header = short === 126 ? 4 : 2;
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
      if (bytes.length < at + header + length) break;
      at += header + length;
      if (length >= MESSAGE_BYTES) arrived++;
    }
    rest = bytes.subarray(at);
    if (arrived === expected) onAll();
  });
}

/** A client's frame, masked with zeros (RFC 6455 §5.3). */
function masked(text: string): Buffer {
  return Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0, ...Buffer.from(text)]);
}
