/** Sequences of values, one JSON text a line. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import express, { type Response } from 'express';

import {
  answerProblem,
  defineStages,
  exchangeOf,
  type Fault,
  FAULT_CHANNEL,
  ProblemError,
  sendLines,
  type StageHandlers,
} from '@org/core';
import { serve } from '@org/core/testing';

/** Serves one handler behind these stages, and asks it. */
async function ask(
  handler: (res: Response) => void | Promise<void>,
  { stages = {}, method = 'GET' }: { stages?: StageHandlers; method?: string } = {},
): Promise<{ status: number; type: string | null; text: string }> {
  const app = express();
  const made = defineStages(stages);
  app.use((req, res) => {
    exchangeOf(req, res).tap(made);
    return handler(res);
  });
  const { url, close } = await serve(app);
  try {
    const answer = await fetch(url, { method });
    const text = await answer.text();
    return { status: answer.status, type: answer.headers.get('content-type'), text };
  } finally {
    await close();
  }
}

describe('sendLines', () => {
  test('sends one JSON text a line, and leaves out what has none', async () => {
    const { type, text } = await ask((res) => sendLines(res, [{ a: 1 }, 'two\n', undefined, null]));
    expect(type).toBe('application/x-ndjson');
    expect(text).toBe('{"a":1}\n"two\\n"\nnull\n');
  });

  test('gives each value to the transform stages as a line', async () => {
    const kinds: string[] = [];
    const { text } = await ask((res) => sendLines(res, [1, 2]), {
      stages: {
        transform: (value, _exchange, kind) => {
          kinds.push(kind);
          return { value };
        },
      },
    });
    expect(text).toBe('{"value":1}\n{"value":2}\n');
    expect(kinds).toEqual(['line', 'line']);
  });

  test('keeps a type that the handler has set, and sends no line to HEAD', async () => {
    let asked = 0;
    const { type, text } = await ask(
      (res) =>
        sendLines(
          res.type('application/json-seq'),
          (function* () {
            asked++;
            yield 1;
          })(),
        ),
      { method: 'HEAD' },
    );
    expect(type).toBe('application/json-seq');
    expect(text).toBe('');
    expect(asked).toBe(0);
  });

  test('takes no more from the source than the client takes, and lets it go with the client', async () => {
    let given = 0;
    let letGo = false;
    const block = 'x'.repeat(64 * 1024);
    async function* endless(): AsyncGenerator<string> {
      try {
        for (;;) {
          given++;
          yield block;
        }
      } finally {
        letGo = true;
      }
    }
    let ended: Promise<unknown> | undefined;
    const app = express();
    app.get('/', (_req, res) => (ended = sendLines(res, endless())) as unknown as void);
    const { url, close } = await serve(app);
    const cancel = new AbortController();
    const answer = await fetch(url, { signal: cancel.signal });
    const reader = answer.body!.getReader();
    await reader.read();
    cancel.abort();
    await ended;
    await close();
    expect(letGo).toBe(true);
    // Some megabytes lie in the buffers of two sockets; without back-pressure it would never stop.
    expect(given).toBeLessThan(10_000);
  });

  test('a source that fails before its first line is an error, and later cuts the answer', async () => {
    function* failingAfter(lines: number): Generator<number> {
      for (let line = 0; line < lines; line++) yield line;
      throw new ProblemError({ code: 'ERR_SOURCE', status: 422, detail: 'no' });
    }
    const sendThem = (lines: number) => (res: Response) =>
      sendLines(res, failingAfter(lines)).catch((error: unknown) =>
        answerProblem(res, error as ProblemError),
      );
    const early = await ask(sendThem(0));
    expect(early.status).toBe(422);
    expect(early.type).toBe('application/problem+json');
    await expect(ask(sendThem(1))).rejects.toThrow(/terminated|fetch failed/);
  });
});

describe('problem documents', () => {
  const problem = new ProblemError({ code: 'ERR_TEST', status: 409, detail: 'because' });

  test('go through the transform stages as what they are', async () => {
    const { status, text } = await ask((res) => answerProblem(res, problem), {
      stages: { transform: (value, _exchange, kind) => ({ kind, ...(value as object) }) },
    });
    expect(status).toBe(409);
    expect(JSON.parse(text)).toMatchObject({ kind: 'problem', code: 'ERR_TEST', status: 409 });
  });

  test('are sent as they are where a stage fails', async () => {
    const faults: unknown[] = [];
    const listen = (message: unknown): void => void faults.push((message as Fault).error);
    subscribe(FAULT_CHANNEL, listen);
    const { status, text } = await ask((res) => answerProblem(res, problem), {
      stages: {
        transform: () => {
          throw new Error('deliberate');
        },
      },
    });
    expect(status).toBe(409);
    expect(JSON.parse(text)).toMatchObject({ code: 'ERR_TEST' });
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults.map(String)).toEqual(['Error: deliberate']);
  });
});
