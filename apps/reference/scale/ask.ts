/** A request that is made once, by whoever it says it is from. */
import { randomInt } from 'node:crypto';
import { type Agent, request } from 'node:http';

/** What is asked. */
export interface Question {
  readonly method?: string;
  /** The address that the balancer is told of: whom a limit counts. @default one of sixteen million */
  readonly from?: string;
  /** Whom it is for; origins of other names are others to a cache. @default as the URL says */
  readonly host?: string;
  readonly key?: string;
  /** What opens operators' routes. */
  readonly token?: string;
  readonly idempotencyKey?: string;
  readonly body?: object;
  /** How long the client rests in the middle of the body, in ms. @default it does not */
  readonly pauseMs?: number | undefined;
  readonly agent?: Agent;
}

/** What operators bring, the same to every process. */
export const TOKEN = 'the-same-in-every-process';

/** What was answered. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Rejects where no whole answer came. */
export function ask(url: string, question: Question = {}): Promise<Answered> {
  const { method = 'GET', from = somebody(), host, key, token } = question;
  const { idempotencyKey, body, pauseMs, agent } = question;
  const headers = {
    'x-forwarded-for': from,
    ...(host === undefined ? {} : { host }),
    ...(key === undefined ? {} : { 'x-api-key': key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, ...(agent && { agent }) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    const text = body === undefined ? '' : JSON.stringify(body);
    if (pauseMs === undefined) {
      sent.end(text);
      return;
    }
    sent.write(text.slice(0, 10));
    setTimeout(() => sent.end(text.slice(10)), pauseMs);
  });
}

/** The body of an answer; its status must be one of the wanted. */
export async function told<T>(answer: Promise<Answered>, ...wanted: number[]): Promise<T> {
  const { status, text } = await answer;
  if (!wanted.includes(status)) throw new Error(`answered ${status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as T;
}

function somebody(): string {
  return `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`;
}
