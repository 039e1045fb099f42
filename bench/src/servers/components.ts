/** Our components for the same jobs as `npm-stack`, with the same kind of sink for log lines. */
import { type Correlation, correlation } from '@org/correlation';
import { type Health, health } from '@org/health';
import { lineTransport, type Logging, logging } from '@org/logging';
import { type Shutdown, shutdown } from '@org/shutdown';
import { logStream } from './log-stream.ts';

export interface Components {
  readonly correlation: Correlation;
  readonly logging: Logging;
  readonly health: Health;
  readonly shutdown: Shutdown;
}

/** All but errors, which stands behind the routes where there is no `setup` to put it there. */
export function components(): Components {
  return {
    // The peer keeps an AsyncLocalStorage too: the same job.
    correlation: correlation({ context: true }),
    logging: logging({ format: 'json', transports: [lineTransport(logStream())] }),
    health: health(),
    shutdown: shutdown(),
  };
}
