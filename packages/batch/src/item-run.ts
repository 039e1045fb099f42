/**
 * Runs one item: a request of the same client, made in the process, through everything that a
 * request from outside goes through. It has its own deadline, counts against the client's limits,
 * and ends with the batch.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { defineStages, type Exchange, internalRequest, ProblemError, report } from '@org/core';

import { isFieldValue, isJsonType, type Item, type RequestRules } from './batch-request.ts';
import { answered, failed, type Outcome } from './outcome.ts';
import { type Answers, fill, fillValue, memberOf, MissingReference } from './references.ts';

/** Marks the request of an item, whichever copy of this package has made it: batches do not nest. */
export const ITEM: unique symbol = Symbol.for('@org/batch-item') as never;

/** What the items of one batch have in common. */
export interface Run {
  /** The batch itself. */
  readonly outer: Exchange;
  readonly listener: (req: IncomingMessage, res: ServerResponse) => void;
  readonly folder: string;
  readonly rules: RequestRules;
  readonly inherited: OutgoingHttpHeaders;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** What is left for the bodies of answers. */
  bytesLeft: number;
}

interface Filled {
  readonly url: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | undefined;
}

/** The outcome of an item whose dependencies have theirs. Never rejects. */
export async function runItem(item: Item, run: Run): Promise<Outcome> {
  try {
    const failedOne = item.dependsOn.find((id) => (run.outcomes.get(id)?.status ?? 500) >= 400);
    if (failedOne !== undefined) {
      throw dependencyFailed(`The request "${failedOne}", which it depends on, failed.`);
    }
    return await send(item, fillItem(item, run), run);
  } catch (error) {
    if (error instanceof ProblemError) return failed(error);
    report(error, 'batch item', run.outer);
    return failed(
      new ProblemError({ code: 'ERR_INTERNAL', status: 500, detail: 'The item could not be run.' }),
    );
  }
}

/** The item as it is sent. What its references bring is checked as what it brings itself. */
function fillItem(item: Item, { outcomes, folder, rules, inherited }: Run): Filled {
  const answers: Answers = {
    has: (id) => item.dependsOn.includes(id),
    member(id, names) {
      const found = memberOf(outcomes.get(id)?.json, names);
      if (found !== undefined) return found;
      throw new MissingReference(`"${id}" has not answered with ${['body', ...names].join('.')}`);
    },
  };
  try {
    const url = fill(item.url, answers, encodeURIComponent);
    const fault = rules.addressFault(url, folder);
    if (fault !== undefined) throw new MissingReference(`its url ${fault}`);
    const headers: OutgoingHttpHeaders = { ...inherited };
    for (const [name, text] of Object.entries(item.headers)) {
      const value = fill(text, answers, (own) => own);
      if (!isFieldValue(value)) throw new MissingReference(`no header may have such a value`);
      headers[name] = value;
    }
    if (item.body === undefined) return { url, headers, body: undefined };
    const isJson = isJsonType(item.headers['content-type']);
    if (isJson) headers['content-type'] ??= 'application/json';
    const value = fillValue(item.body, answers);
    const body = Buffer.from(isJson ? JSON.stringify(value) : String(value));
    if (body.length > rules.options.maxRequestBytes) {
      throw new MissingReference(`its body has more than ${rules.options.maxRequestBytes} bytes`);
    }
    return { url, headers, body };
  } catch (error) {
    // Besides missing ones: what cannot be a part of a URL, and what is too deep to be written.
    if (item.dependsOn.length === 0) throw error;
    const why = error instanceof MissingReference ? error.message : 'a value cannot stand there';
    throw dependencyFailed(`With the answers it depends on it cannot be sent: ${why}.`);
  }
}

async function send(item: Item, { url, headers, body }: Filled, run: Run): Promise<Outcome> {
  const { outer, listener, rules } = run;
  const { clock } = outer;
  const { req, signal } = outer;
  const withinMs = Math.min(outer.remainingMs, rules.options.itemTimeoutMs);
  const cut = new AbortController();
  let reason: ProblemError | undefined;
  const give = (why: ProblemError): void => {
    reason ??= why;
    cut.abort();
  };
  const onGone = (): void => give(batchGone());
  signal.addEventListener('abort', onGone, { once: true });
  if (signal.aborted) onGone();
  const cancel = clock.after(withinMs, () => give(itemTimeout()));
  const chunks: Buffer[] = [];
  try {
    const { res, bytes, aborted } = await internalRequest(
      listener,
      {
        method: item.method,
        url,
        headers,
        ...(body === undefined ? {} : { body }),
        internal: false,
        encrypted: (req.socket as { readonly encrypted?: boolean }).encrypted === true,
        httpVersion: req.httpVersion === '1.0' ? '1.0' : '1.1',
        // Of a connection without an address, such as a Unix socket, nobody may think that it is local.
        remoteAddress: req.socket.remoteAddress ?? '0.0.0.0',
        signal: cut.signal,
        clock,
      },
      (inner) => {
        Object.defineProperty(inner.req, ITEM, { value: true });
        inner.deadlineMs = clock.monotonicMs() + withinMs;
        inner.tap(
          captureInto(chunks, run, () => give(answerTooLarge(rules.options.maxResponseBytes))),
        );
      },
    );
    if (reason !== undefined) throw reason;
    if (aborted) throw answerCut();
    // A precondition may have dropped the body after it was captured.
    return answered(res.statusCode, res.getHeaders(), bytes === 0 ? EMPTY : Buffer.concat(chunks));
  } finally {
    cancel();
    signal.removeEventListener('abort', onGone);
  }
}

/** Keeps the body of an answer, as long as the batch has room for it. */
function captureInto(
  chunks: Buffer[],
  run: Run,
  full: () => void,
): ReturnType<typeof defineStages> {
  return defineStages({
    capture: () => ({
      write(chunk) {
        run.bytesLeft -= chunk.length;
        if (run.bytesLeft < 0) full();
        else chunks.push(Buffer.from(chunk));
      },
      end: () => undefined,
      abort: () => undefined,
    }),
  });
}

function dependencyFailed(detail: string): ProblemError {
  // RFC 4918 §11.4
  return new ProblemError({ code: 'ERR_BATCH_DEPENDENCY', status: 424, detail });
}

function itemTimeout(): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_TIMEOUT',
    status: 504,
    detail: 'The request took longer than an item of a batch, or the batch itself, may take.',
    expose: true,
  });
}

function answerTooLarge(maxBytes: number): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_ANSWER_BYTES',
    status: 502,
    detail: `The answers of the batch have more than ${maxBytes} bytes together. Ask for this one by itself.`,
    expose: true,
  });
}

function answerCut(): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_CUT',
    status: 502,
    detail: 'The answer was cut off before its end.',
    expose: true,
  });
}

function batchGone(): ProblemError {
  return new ProblemError({
    code: 'ERR_CLIENT_CLOSED',
    status: 499,
    detail: 'The batch was given up before the request was answered.',
  });
}

const EMPTY: Buffer = Buffer.alloc(0);
