/** Says that the port is taken before anything is loaded for it, and what to do about it. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { hasCode } from '@org/core';

/** @throws Error where something listens there already */
export async function refuseTakenPort(port: number, host: string | undefined): Promise<void> {
  const probe = createServer().listen(port, host);
  try {
    await once(probe, 'listening');
  } catch (error) {
    if (!hasCode(error, 'EADDRINUSE')) throw error;
    throw new Error(`PORT=${port} is taken: end what listens there, or set PORT to another one.`, {
      cause: error,
    });
  }
  probe.close();
  await once(probe, 'close');
}
