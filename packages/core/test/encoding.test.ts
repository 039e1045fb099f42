/** The `encode` stage: what it changes of the head, who hears of it, and how a stream is written and flushed. */
import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createGunzip, createGzip, constants, gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';

import { defineStages, exchangeOf, type Fault, FAULT_CHANNEL, type StageHandlers } from '@org/core';
import { serve } from '@org/core/testing';

const TEXT = 'All work and no play makes Jack a dull boy. '.repeat(40);

type Handler = (res: ServerResponse & { flush(): void }) => void;

/** Serves a handler on Node's own server, with these stages; `before` sees the response untapped. */
async function withStages(
  handlers: readonly StageHandlers[],
  handler: Handler,
  use: (url: string) => Promise<void>,
  before: (res: ServerResponse) => void = () => undefined,
): Promise<void> {
  const all = handlers.map((one) => defineStages(one));
  const { url, close } = await serve(
    createServer((req, res) => {
      before(res);
      const exchange = exchangeOf(req as Request, res as Response);
      for (const stages of all) exchange.tap(stages);
      handler(res as never);
    }),
  );
  try {
    await use(url);
  } finally {
    await close();
  }
}

const now: StageHandlers = { encode: (_head, body) => ({ coding: 'gzip', body: gzipSync(body) }) };
const later: StageHandlers = {
  encode: (_head, body) => ({ coding: 'gzip', body: Promise.resolve(gzipSync(body)) }),
};
const nothing: StageHandlers = {
  encode: () => ({ coding: 'gzip', body: Promise.resolve(undefined) }),
};
const streaming: StageHandlers = {
  encoder: () => {
    const stream = createGzip();
    return { coding: 'gzip', stream, flush: () => stream.flush(constants.Z_SYNC_FLUSH) };
  },
};

const tagged: Handler = (res) => {
  res.setHeader('ETag', '"1"');
  res.setHeader('Accept-Ranges', 'bytes');
  res.end(TEXT);
};

describe('the head of a coded body', () => {
  test.each<[string, StageHandlers, string | null, string, string | null]>([
    ['coded at once', now, 'gzip', 'W/"1"', null],
    ['coded in the thread pool', later, 'gzip', 'W/"1"', null],
    ['not coded after all', nothing, null, '"1"', 'bytes'],
  ])('%s, says no more than is true', async (_name, stages, coding, etag, ranges) => {
    await withStages([stages], tagged, async (url) => {
      const answer = await fetch(url);
      const { headers } = answer;
      expect(headers.get('content-encoding')).toBe(coding);
      expect([headers.get('etag'), headers.get('accept-ranges')]).toEqual([etag, ranges]);
      expect(await answer.text()).toBe(TEXT);
    });
  });

  test('takes "identity" for none (RFC 9110 §8.4.1)', async () => {
    await withStages(
      [now],
      (res) => {
        res.setHeader('Content-Encoding', 'identity');
        res.end(TEXT);
      },
      async (url) => {
        expect((await fetch(url)).headers.get('content-encoding')).toBe('gzip');
      },
    );
  });
});

describe('who captures', () => {
  /** Notes what a sink hears. */
  const listening = (heard: string[]): StageHandlers => ({
    capture: () => ({
      write: (chunk) => void heard.push(`write ${chunk.length}`),
      end: () => void heard.push('end'),
      abort: () => void heard.push('abort'),
      coded: (coding, body) => void heard.push(`${coding} ${body.length}`),
    }),
  });

  test.each<[string, StageHandlers, readonly string[]]>([
    ['at once', now, [`gzip ${gzipSync(TEXT).length}`]],
    ['in the thread pool', later, [`gzip ${gzipSync(TEXT).length}`]],
    ['not after all', nothing, []],
  ])('hears of a whole body that is coded %s', async (_name, stages, coded) => {
    const heard: string[] = [];
    await withStages([listening(heard), stages], tagged, async (url) => {
      await (await fetch(url)).text();
    });
    expect(heard).toEqual([`write ${TEXT.length}`, 'end', ...coded]);
  });

  test('hears nothing of the coding of a stream', async () => {
    const heard: string[] = [];
    await withStages(
      [listening(heard), streaming],
      (res) => {
        res.write('a');
        res.end('b');
      },
      async (url) => {
        expect(await (await fetch(url)).text()).toBe('ab');
      },
    );
    expect(heard).toEqual(['write 1', 'write 1', 'end']);
  });

  test('and throws then, does not disturb the answer', async () => {
    const faults: Fault[] = [];
    const listen = (fault: unknown): void => void faults.push(fault as Fault);
    subscribe(FAULT_CHANNEL, listen);
    const broken: StageHandlers = {
      capture: () => ({
        write: () => undefined,
        end: () => undefined,
        abort: () => undefined,
        coded: () => {
          throw new Error('full');
        },
      }),
    };
    await withStages([broken, now], tagged, async (url) => {
      const answer = await fetch(url);
      expect([answer.headers.get('content-encoding'), await answer.text()]).toEqual(['gzip', TEXT]);
    });
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults.map(({ error, where }) => [String(error), where])).toEqual([
      ['Error: full', 'capture'],
    ]);
  });
});

describe('res.flush', () => {
  test('lets go of what an encoder holds back', async () => {
    let goOn!: () => void;
    await withStages(
      [streaming],
      (res) => {
        res.write('first');
        res.flush();
        goOn = () => {
          res.end('second');
          // Nothing is left to be flushed.
          res.flush();
        };
      },
      async (url) => {
        const [response] = (await once(get(url, { agent: false }), 'response')) as [
          IncomingMessage,
        ];
        const parts = response.pipe(createGunzip())[Symbol.asyncIterator]();
        expect(String((await parts.next()).value)).toBe('first');
        goOn();
        expect(String((await parts.next()).value)).toBe('second');
      },
    );
  });

  test('is there without an encoder, and calls the one that was there before', async () => {
    const flushed: string[] = [];
    const flushing: Handler = (res) => {
      res.flush();
      res.end('done');
    };
    await withStages([{ head: () => undefined }], flushing, async (url) => {
      expect(await (await fetch(url)).text()).toBe('done');
    });
    await withStages(
      [{ head: () => undefined }],
      flushing,
      async (url) => {
        expect(await (await fetch(url)).text()).toBe('done');
      },
      (res) => Object.assign(res, { flush: () => void flushed.push('before') }),
    );
    expect(flushed).toEqual(['before']);
  });
});

test('a writer who was told to go on may: the socket drains for the encoder alone', async () => {
  const block = randomBytes(128 * 1024);
  const answers: boolean[] = [];
  let written = 0;
  let blocked!: () => void;
  const stuck = new Promise<void>((resolve) => (blocked = resolve));
  await withStages(
    [streaming],
    (res) => {
      const fill = (): void => {
        written += block.length;
        while (res.write(block)) {
          written += block.length;
          res.flush();
        }
      };
      let rounds = 20;
      res.on('drain', () => {
        answers.push(res.write('x'));
        written += 1;
        if (--rounds === 0) res.end();
        else if (rounds > 0) fill();
      });
      fill();
      blocked();
    },
    async (url) => {
      const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
      // The client does not read until nothing goes any further.
      await stuck;
      let read = 0;
      for await (const chunk of response.pipe(createGunzip())) read += (chunk as Buffer).length;
      expect(read).toBe(written);
    },
  );
  expect(answers).toEqual(answers.map(() => true));
  expect(answers.length).toBeGreaterThanOrEqual(20);
});

test('a plain response that somebody has patched before keeps the patches', async () => {
  const seen: string[] = [];
  await withStages(
    [now],
    (res) => void res.end(TEXT),
    async (url) => {
      expect(await (await fetch(url)).text()).toBe(TEXT);
    },
    (res) => {
      const { end } = res;
      res.end = function (this: ServerResponse, ...given: unknown[]) {
        seen.push('end');
        return (end as (...all: unknown[]) => ServerResponse).apply(this, given);
      } as typeof res.end;
    },
  );
  expect(seen).toEqual(['end']);
});
