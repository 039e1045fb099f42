/** The request of a replay: that of the kept exchange, from memory or from the file, with headers of its own. */
import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';

import { bytesOf } from './bodies.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { ReplaySource } from './inspector.ts';

/** The header that a replayed request bears, with the id of its exchange. */
export const REPLAY_HEADER = 'x-devtools-replay';

/** Headers that whoever asks for a replay gives, in place of the kept ones or besides them. */
export type GivenHeaders = Readonly<Record<string, string>>;

/** The request of a record that came from a file, where its secrets never were. */
export function sourceOf(record: ExchangeRecord): ReplaySource {
  const { method, url, request, remoteAddress, encrypted } = record;
  const { body } = request;
  const bytes = body === undefined ? undefined : bytesOf(body);
  const unknown = request.hasUnknownBody || (body !== undefined && bytes === undefined);
  const open = Object.entries(request.headers).filter(
    ([name]) => !request.secretHeaders.includes(name),
  );
  return {
    method,
    url,
    headers: Object.fromEntries(
      open.map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
    ),
    body: { bytes, unknown },
    remoteAddress,
    encrypted,
    withoutHeaders: request.secretHeaders,
  };
}

/** Those of its first time, but for what this one must have of its own, and for what is given. */
export function headersFor(
  id: string,
  source: ReplaySource,
  given: GivenHeaders,
): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...source.headers };
  // It is the handler that is to run, and not a cache or a record of its first time that answers.
  headers['cache-control'] = 'no-cache';
  const key = headers['idempotency-key'];
  if (typeof key === 'string') {
    headers['idempotency-key'] = key.startsWith('"') ? `"${randomUUID()}"` : randomUUID();
  }
  // Its body is there at once.
  delete headers['expect'];
  // What its parser made of it has no coding (RFC 9110 §8.4).
  delete headers['content-encoding'];
  for (const [name, value] of Object.entries(given)) headers[name.toLowerCase()] = value;
  headers[REPLAY_HEADER] = id;
  return headers;
}
