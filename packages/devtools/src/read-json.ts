/** The body of a call to the tools: they stand ahead of every parser, and read for themselves. */
import { hasCode, ProblemError } from '@org/core';
import type { Request } from 'express';

const MAX_BYTES = 256 * 1024;

/**
 * The value; nothing where there is no body.
 * @throws ProblemError for a body that is too long, or no JSON
 */
export async function readJson(req: Request): Promise<unknown> {
  const { body } = req as { readonly body?: unknown };
  if (req.readableEnded || body !== undefined) return body;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BYTES) throw refused(413, `The body is longer than ${MAX_BYTES} bytes.`);
    parts.push(part);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as unknown;
  } catch {
    throw refused(400, 'The body is no JSON.');
  }
}

/** Tells the caller what is wrong with the options that it gave. */
export function refuseOptions(error: unknown): never {
  if (hasCode(error, 'ERR_OPTION')) throw refused(400, (error as Error).message);
  throw error;
}

function refused(status: number, detail: string): ProblemError {
  return new ProblemError({ code: 'ERR_DEVTOOLS_CALL', status, detail });
}

/** Further headers for replays, from the body of the call: `{ "headers": { "authorization": "…" } }`. */
export function headersOfCall(body: unknown): Readonly<Record<string, string>> {
  const { headers = {}, ...others } = (body ?? {}) as { readonly headers?: unknown };
  const isRight =
    typeof headers === 'object' &&
    headers !== null &&
    Object.keys(others).length === 0 &&
    Object.entries(headers).every(
      ([name, value]) =>
        // RFC 9110 §5.1, §5.5
        /^[\w!#$%&'*+.^`|~-]+$/.test(name) &&
        typeof value === 'string' &&
        /^[\t\x20-\x7e\x80-\xff]*$/.test(value),
    );
  if (!isRight) throw refused(400, 'The body must be { "headers": { "name": "value" } }, or none.');
  return headers as Readonly<Record<string, string>>;
}
