import { Writable } from 'node:stream';
import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { lineTransport, logging, type LoggingOptions } from '@org/logging';

const silent = () => lineTransport(new Writable({ write: (_chunk, _encoding, done) => done() }));

middlewareContract<Partial<LoggingOptions>>('logging', {
  factory: (options) =>
    logging(
      options === undefined ? { transports: [silent()] } : { ...options, transports: [silent()] },
    ),
  example: { level: 'debug', levels: { 'db.*': 'trace' }, fields: { service: 'api' } },
  setup,
});
