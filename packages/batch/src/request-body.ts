/** The body of a batch: what a parser has made of it, or read here, as far as it may be. */
import { ProblemError } from '@org/core';
import type { Request } from 'express';

/**
 * The parsed body. Only JSON is taken, and a page of another origin cannot send that unasked.
 * @throws ERR_BATCH_TYPE (415), ERR_BATCH_BYTES (413) and ERR_BATCH_JSON (400)
 */
export async function readJson(req: Request, maxBytes: number): Promise<unknown> {
  const { headers } = req;
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers['content-type'] ?? '')) {
    throw new ProblemError({
      code: 'ERR_BATCH_TYPE',
      status: 415,
      detail: 'Send the batch as JSON, with Content-Type: application/json.',
      // RFC 9110 §12.5.1: what would be taken instead.
      headers: { Accept: 'application/json' },
    });
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const parsed: unknown = req.body;
  if (parsed !== undefined) return parsed;
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new ProblemError({
      code: 'ERR_BATCH_TYPE',
      status: 415,
      detail: 'Send the batch without a content coding.',
      // RFC 9110 §12.5.3
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
  return parse(await readBytes(req, maxBytes));
}

async function readBytes(req: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      req.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else {
        end(() => reject(tooLarge(maxBytes)));
        // The rest is not even read: the answer ends the connection.
        req.pause();
      }
    };
    const onEnd = (): void => end(() => resolve(Buffer.concat(chunks)));
    const onError = (error: Error): void => end(() => reject(cutOff(error)));
    const onClose = (): void => end(() => reject(cutOff(undefined)));
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (req.destroyed || req.readableEnded) onClose();
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ProblemError({
      code: 'ERR_BATCH_JSON',
      status: 400,
      detail: 'The body of the batch is not JSON in UTF-8.',
      cause: error,
    });
  }
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_BYTES',
    status: 413,
    detail: `A batch may have at most ${maxBytes} bytes. Send several.`,
    headers: { Connection: 'close' },
  });
}

function cutOff(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_CLIENT_CLOSED',
    status: 400,
    detail: 'The body of the batch ended before it was whole.',
    cause,
  });
}
