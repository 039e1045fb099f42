/** Answers that are made at construction: status, head and body as they are sent. */
import { STATUS_CODES } from 'node:http';
import { answerWhole, type Exchange, PROBLEM_JSON, ProblemError, problemDocument } from '@org/core';
import type { RequestHandler } from 'express';

/** An answer, ready to send. */
export interface Prebuilt {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** An unread body up to this length is read and thrown away, so that the connection lives on, in bytes. */
const MAX_DRAINED_BYTES = 64 * 1024;
const EMPTY: Buffer = Buffer.alloc(0);

/** Makes and sends answers with the same security headers. */
export class Answers {
  private readonly common: readonly string[];
  private readonly secure: RequestHandler | undefined;

  constructor(headers: Readonly<Record<string, string>>, secure: RequestHandler | undefined) {
    this.common = Object.entries(headers).flat();
    this.secure = secure;
  }

  /** An answer of these headers and this body: text or bytes as they are, anything else as JSON. */
  make(status: number, own: Readonly<Record<string, string>>, body: unknown): Prebuilt {
    const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
    const headers: string[] = [];
    for (let at = 0; at < this.common.length; at += 2) {
      if (names.has(this.common[at]!.toLowerCase())) continue;
      headers.push(this.common[at]!, this.common[at + 1]!);
    }
    headers.push(...Object.entries(own).flat());
    if (body === undefined) return { status, headers, body: EMPTY };
    const isText = typeof body === 'string';
    const isBytes = body instanceof Uint8Array;
    if (!names.has('content-type')) {
      const type = isText ? 'text/plain' : 'application/json';
      headers.push('Content-Type', isBytes ? 'application/octet-stream' : `${type}; charset=utf-8`);
    }
    const bytes = isBytes ? Buffer.from(body) : Buffer.from(isText ? body : JSON.stringify(body));
    headers.push('Content-Length', String(bytes.length));
    return { status, headers, body: bytes };
  }

  /** A refusal, as a problem document (RFC 9457). */
  problem(
    code: string,
    status: number,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ): Prebuilt {
    const title = STATUS_CODES[status] ?? 'Error';
    const error = new ProblemError({ code, status, title, detail, expose: true });
    return this.make(
      status,
      { 'Content-Type': PROBLEM_JSON, 'Cache-Control': 'no-store', ...headers },
      JSON.stringify(problemDocument(error)),
    );
  }

  send(exchange: Exchange, { status, headers, body }: Prebuilt): void {
    const { req, res } = exchange;
    // What it would go on to is this answer.
    this.secure?.(req, res, () => undefined);
    if (isLongBody(req.headers)) {
      // Node would read on to the end of it for the sake of the connection.
      res.setHeader('Connection', 'close');
    }
    answerWhole(exchange, status, headers, body);
  }
}

function isLongBody(headers: {
  readonly 'content-length'?: string | undefined;
  readonly 'transfer-encoding'?: string | undefined;
}): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length'] ?? 0) > MAX_DRAINED_BYTES
  );
}
