/** Bodies as they are kept: what a parser made of a request's, written anew, and the beginning of an answer's. */
import type { BodySink } from '@org/core';
import type { Request } from 'express';

import type { KeptBody } from './exchange-record.ts';
import { isJson, mediaTypeOf, REDACTED, type Redaction } from './redaction.ts';

/** A request's body for running it again. */
export interface RequestBody {
  readonly bytes: Buffer | undefined;
  /** There is one that nobody parsed into something that could be written anew, or it is too long. */
  readonly unknown: boolean;
}

const NO_BODY: RequestBody = Object.freeze({ bytes: undefined, unknown: false });
const UNKNOWN_BODY: RequestBody = Object.freeze({ bytes: undefined, unknown: true });

/** The body of a request, from what its parser left in `req.body`. */
export function requestBody(req: Request, maxBytes: number): RequestBody {
  const { headers } = req;
  const length = Number(headers['content-length'] ?? 0);
  if (length === 0 && headers['transfer-encoding'] === undefined) return NO_BODY;
  const { body } = req as { readonly body?: unknown };
  if (body === undefined || length > maxBytes) return UNKNOWN_BODY;
  const bytes = writeAnew(body, mediaTypeOf(headers['content-type']));
  return bytes === undefined || bytes.length > maxBytes ? UNKNOWN_BODY : { bytes, unknown: false };
}

function writeAnew(body: unknown, mediaType: string | undefined): Buffer | undefined {
  if (Buffer.isBuffer(body)) return Buffer.from(body);
  if (typeof body === 'string' && !isJson(mediaType)) return Buffer.from(body);
  try {
    if (isJson(mediaType)) return Buffer.from(JSON.stringify(body));
    if (mediaType === 'application/x-www-form-urlencoded') return Buffer.from(formOf(body));
  } catch {
    // A handler has put something into it that is no data.
  }
  return undefined;
}

/** A form as Express' parsers read it: the plain one knows repeated names alone, the extended one `a[b][0]=1`, too. */
function formOf(body: unknown): string {
  const pairs = new URLSearchParams();
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) {
      const isRepeated = value.length > 1 && value.every((one) => typeof one !== 'object');
      for (const [at, one] of value.entries()) add(isRepeated ? name : `${name}[${at}]`, one);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value))
        add(name === '' ? key : `${name}[${key}]`, one);
    } else pairs.append(name, String(value));
  };
  add('', body);
  return pairs.toString();
}

/** A body, or the beginning of one. */
export interface Bytes {
  readonly bytes: Buffer;
  /** How long all of it was. */
  readonly totalBytes: number;
}

export const NO_BYTES: Bytes = Object.freeze({ bytes: Buffer.alloc(0), totalBytes: 0 });

/** Takes the beginning of an answer's body, and counts all of it. */
export class BodyCapture implements BodySink {
  private readonly maxBytes: number;
  private readonly parts: Buffer[] = [];
  private keptBytes: number = 0;
  private totalBytes: number = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  write(chunk: Buffer): void {
    this.totalBytes += chunk.length;
    const room = this.maxBytes - this.keptBytes;
    if (room <= 0) return;
    // What is lent for the call is copied.
    const part = Buffer.from(chunk.subarray(0, room));
    this.parts.push(part);
    this.keptBytes += part.length;
  }

  end(): void {
    // Nothing is waited for.
  }

  abort(): void {
    // What has come is kept.
  }

  take(): Bytes {
    return { bytes: Buffer.concat(this.parts), totalBytes: this.totalBytes };
  }
}

/** A body without secrets. `totalBytes` is its length where only the beginning is there. */
export function keepBody(
  bytes: Buffer,
  totalBytes: number,
  contentType: unknown,
  redaction: Redaction,
): KeptBody | undefined {
  if (totalBytes === 0) return undefined;
  const mediaType = mediaTypeOf(contentType);
  const truncated = totalBytes > bytes.length;
  const text = isText(mediaType) ? textOf(bytes, truncated) : undefined;
  const about = { mediaType, bytes: totalBytes, truncated };
  if (text === undefined) {
    return { ...about, text: bytes.toString('base64'), encoding: 'base64', redacted: false };
  }
  const { value, hidden } = redaction.body(text, mediaType);
  return { ...about, text: value, encoding: 'text', redacted: hidden };
}

/** The bytes of a body that was kept whole and open; nothing where something of it is missing. */
export function bytesOf(body: KeptBody): Buffer | undefined {
  if (body.truncated || body.redacted || body.text.includes(REDACTED)) return undefined;
  return Buffer.from(body.text, body.encoding === 'base64' ? 'base64' : 'utf8');
}

function isText(mediaType: string | undefined): boolean {
  return (
    mediaType === undefined ||
    isJson(mediaType) ||
    /^text\/|[/+](?:xml|javascript|x-ndjson|x-www-form-urlencoded|graphql|yaml)$/.test(mediaType)
  );
}

/** Nothing where it is no UTF-8. A cut may have gone through its last character. */
function textOf(bytes: Buffer, truncated: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: truncated });
  } catch {
    return undefined;
  }
}
