/** A real server on a free loopback port, for tests that talk through a socket. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of one test. */
export interface Served {
  readonly server: Server;
  readonly port: number;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  /** Cuts every connection and closes. */
  close(): Promise<void>;
}

/** Serves `listener` (an Express app is one) or a server made elsewhere. */
export async function serve(listener: RequestListener | Server): Promise<Served> {
  const server = typeof listener === 'function' ? createServer(listener) : listener;
  if (!server.listening) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
  }
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error?: NodeJS.ErrnoException) => {
          const closed = error?.code === 'ERR_SERVER_NOT_RUNNING';
          if (error === undefined || closed) resolve();
          else reject(error);
        });
        server.closeAllConnections();
      }),
  };
}
