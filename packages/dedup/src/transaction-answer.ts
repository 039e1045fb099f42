/** The answer that a transactional handler returns, as it is recorded and as it is sent. */
import type { Response } from 'express';

import type { RecordedAnswer } from './transaction-records.ts';

/** What a transactional handler returns. */
export interface TransactionAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Text or bytes are sent as they are, anything else as `res.json` does. @default none */
  readonly body?: unknown;
}

/**
 * An answer as it is recorded.
 * @throws TypeError for what is no answer, which rolls the transaction back
 */
export function recordAnswer(answer: TransactionAnswer): RecordedAnswer {
  if (typeof answer !== 'object' || answer === null) {
    throw new TypeError(
      'A transactional handler returns its answer, such as { status: 201, body: … }.',
    );
  }
  const { status = 200, headers = {}, body } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(
      `The status of an answer is a whole number from 200 to 599, not ${status}.`,
    );
  }
  if (body === undefined) return { status, headers, kind: 'none', body: undefined };
  if (typeof body === 'string') return { status, headers, kind: 'text', body: Buffer.from(body) };
  if (body instanceof Uint8Array) return { status, headers, kind: 'bytes', body };
  return { status, headers, kind: 'json', body: Buffer.from(JSON.stringify(body)) };
}

/**
 * Sends it by Express' own means, the first time and every time after: a value goes through the
 * transform stages each time, and each time it is read back from the same text.
 */
export function sendAnswer(res: Response, { status, headers, kind, body }: RecordedAnswer): void {
  res.status(status);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (body === undefined || kind === 'none') res.end();
  else if (kind === 'json') res.json(JSON.parse(Buffer.from(body).toString()));
  else if (kind === 'text') res.send(Buffer.from(body).toString());
  else res.send(Buffer.from(body));
}
