/** The family as an environment without any settings has it, and a limit that nobody meets. */
import { loadConfig } from '@org/config';
import { lineTransport } from '@org/logging';
import { type Parts, standard } from '@org/setup';
import { logStream } from './log-stream.ts';

/** @param lazy whether what can wait is loaded after it listens */
export async function standardParts(lazy = false): Promise<Parts> {
  // All requests of the bench are one client's.
  const config = loadConfig({ env: { RATE_LIMIT_MAX: '2000000000' }, dotenv: false });
  const own: Readonly<Record<string, object>> = {
    logging: { format: 'json', transports: [lineTransport(logStream())] },
    // Clients who never rest keep the processor busy, which to a queue is an overload.
    queue: { targetWaitMs: 1000 },
  };
  return standard({
    lazy,
    isEnabled: (name) => config.isEnabled(name),
    options: (name) => ({ ...config.options(name), ...own[name] }),
  });
}
