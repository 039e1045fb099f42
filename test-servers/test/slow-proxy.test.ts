/** A network may be slow; a connection that mixes up its pieces is none. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { startSlowProxy } from 'test-servers/slow-proxy';

const PIECES = 30;
const SENT = Array.from({ length: PIECES }, (_, at) => `${at};`).join('');

test('keeps the pieces of a connection in their order, however the delay changes', async () => {
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const proxy = await startSlowProxy((echo.address() as AddressInfo).port);
  const client = connect(proxy.port, '127.0.0.1').setNoDelay(true);
  try {
    for (let at = 0; at < PIECES; at++) {
      proxy.delayMs = at % 3 === 0 ? 20 : 0;
      client.write(`${at};`);
      // The proxy reads each piece for itself.
      for (let turns = 0; turns < 5; turns++) await turn();
    }
    let received = '';
    for await (const data of client) {
      received += String(data);
      if (received.length >= SENT.length) break;
    }
    expect(received).toBe(SENT);
  } finally {
    client.destroy();
    await proxy.close();
    echo.close();
  }
});
