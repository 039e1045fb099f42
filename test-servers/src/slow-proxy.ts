/** A TCP proxy that makes a network as bad as a test wants it: slow, silent, or cut at random. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SlowProxy {
  readonly port: number;
  /** How long each piece of data takes longer, in ms. */
  delayMs: number;
  /** The share of pieces at which the connection is cut instead. */
  dropRatio: number;
  /** Lets nothing through any more; connections stay, and new ones are taken. */
  isSilent: boolean;
  /** Lets nothing through the connections that there are any more; they stay, and new ones work. */
  silence(): void;
  /** Cuts every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy for a port of loopback; the same `seed` cuts at the same pieces. */
export async function startSlowProxy(target: number, seed: number = 1): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  const random = seeded(seed);
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    forward(client, upstream);
    forward(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  function forward(from: Socket, to: Socket): void {
    let before: Promise<unknown> = Promise.resolve();
    sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (data) => {
      if (proxy.isSilent || silent.has(from)) return;
      if (random() < proxy.dropRatio) {
        from.destroy();
        return;
      }
      const delayed = proxy.delayMs > 0 ? sleep(proxy.delayMs) : undefined;
      // No piece overtakes the one before it, whatever has become of the delay meanwhile.
      before = Promise.all([before, delayed]).then(() => to.write(data));
    });
  }

  const proxy: SlowProxy = {
    port: (server.address() as AddressInfo).port,
    delayMs: 0,
    dropRatio: 0,
    isSilent: false,
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cut();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
