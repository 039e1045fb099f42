/** How a server tells the bench where it listens, and what it has used up when it is asked. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type FromServer =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'usage'; readonly cpuMicros: number; readonly rssBytes: number };

/** Call it once the server listens. */
export function announce(server: Server): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    tell({ kind: 'usage', cpuMicros: user + system, rssBytes: process.memoryUsage.rss() });
  });
  // The bench is gone, and nobody else knows of this process.
  process.once('disconnect', () => process.exit(1));
  tell({ kind: 'listening', port: (server.address() as AddressInfo).port });
}

function tell(message: FromServer): void {
  process.send?.(message);
}
