/** Answers that are held back until something is true. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import express, { type Response } from 'express';
import {
  answerHeld,
  type AnswerInstead,
  answerProblem,
  defineStages,
  exchangeOf,
  FAULT_CHANNEL,
  ProblemError,
} from '@org/core';
import { serve, type Served } from '@org/core/testing';
import { createGzip, gzipSync } from 'node:zlib';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

interface Held {
  readonly url: string;
  /** Resolves once the answer is held. */
  readonly asked: Promise<void>;
  release(instead?: AnswerInstead): void;
  fail(error: Error): void;
  readonly calls: string[];
}

/** Serves one route whose answer is held until the test lets it go. */
async function holding(
  handler: (res: Response, calls: string[]) => unknown,
  more: Parameters<typeof defineStages>[0] = {},
): Promise<Held> {
  const calls: string[] = [];
  let release: Held['release'] = () => undefined;
  let fail: Held['fail'] = () => undefined;
  const verdict = new Promise<AnswerInstead | undefined>((resolve, reject) => {
    release = resolve;
    fail = reject;
  });
  let tell: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const stages = defineStages({
    hold() {
      calls.push('hold');
      tell();
      return verdict;
    },
    head: () => void calls.push('head'),
    ...more,
  });
  const app = express();
  app.get('/', async (req, res) => {
    exchangeOf(req, res).tap(stages);
    await handler(res, calls);
  });
  served = await serve(app);
  return { url: served.url, asked, release, fail, calls };
}

const refuse = (res: Response) => () =>
  answerProblem(res, new ProblemError({ code: 'ERR_NO', status: 409, detail: 'No.' }));

describe('the stage `hold`', () => {
  it('keeps a whole answer back, head and all, until it is let go', async () => {
    let seen: unknown;
    const { url, asked, release, calls } = await holding((res, made) => {
      res.status(201).json({ id: 1 });
      seen = [res.headersSent, res.writableEnded];
      made.push('handled');
    });
    const answer = fetch(url);
    await asked;
    await new Promise(setImmediate);
    expect(calls).toEqual(['hold', 'handled']);
    expect(seen).toEqual([true, true]);
    release();
    const { status, headers } = await answer;
    expect([status, headers.get('content-length')]).toEqual([201, '8']);
    expect(await (await answer).json()).toEqual({ id: 1 });
    expect(calls).toEqual(['hold', 'handled', 'head']);
  });

  /** As `express-session` does: the first end counts, and others are for nothing. */
  const patch = (res: Response): void => {
    const { end } = res;
    let ended = false;
    res.end = function (this: Response, ...given: Parameters<typeof end>) {
      if (ended) return this;
      ended = true;
      return end.apply(this, given);
    } as typeof end;
  };

  it('lets an answer go to a response that somebody has patched above', async () => {
    const { url, asked, release } = await holding((res) => {
      patch(res);
      res.json({ id: 1 });
    });
    const answer = fetch(url);
    await asked;
    release();
    expect(await (await answer).json()).toEqual({ id: 1 });
  });

  it('answers in its place there, too', async () => {
    let response: Response | undefined;
    const { url, asked, release } = await holding((res) => {
      response = res;
      patch(res);
      res.json({ id: 1 });
    });
    const answer = fetch(url);
    await asked;
    release(refuse(response!));
    expect((await answer).status).toBe(409);
  });

  it('goes on at once where there is nothing to wait for', async () => {
    const { url, calls } = await holding((res) => res.send('fine'), {
      hold: () => undefined,
    });
    expect(await (await fetch(url)).text()).toBe('fine');
    expect(calls).toEqual(['head']);
  });

  it('keeps answers without a body back, too', async () => {
    const { url, asked, release } = await holding((res) => res.status(204).end());
    const answer = fetch(url);
    await asked;
    release();
    expect((await answer).status).toBe(204);
  });

  it.each([false, true])('keeps a stream back, with its order (coded: %s)', async (coded) => {
    const { url, asked, release, calls } = await holding(
      (res) => {
        res.writeHead(202, { 'x-told': 'yes' });
        Readable.from(['one ', 'two ', 'three']).pipe(res);
      },
      coded
        ? {
            encode: (_head, body) => ({ coding: 'gzip', body: gzipSync(body) }),
            encoder: () => ({ coding: 'gzip', stream: createGzip() }),
          }
        : {},
    );
    const answer = fetch(url);
    await asked;
    expect(calls).toEqual(['hold']);
    release();
    const { status, headers } = await answer;
    expect([status, headers.get('x-told')]).toEqual([202, 'yes']);
    expect(await (await answer).text()).toBe('one two three');
  });

  it('answers something else, and what the handler still sends goes nowhere', async () => {
    let tell: (late: unknown) => void = () => undefined;
    const late = new Promise((resolve) => (tell = resolve));
    const made = await holding((res) => {
      res.write('part');
      res.once('finish', () => tell([res.write('more'), res.end('last') === res]));
      made.release(refuse(res));
    });
    const answer = await fetch(made.url);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'ERR_NO' });
    expect(await late).toEqual([false, true]);
  });

  it('drops what the handler said of its own body from an answer in its place', async () => {
    const made = await holding((res) => {
      res.set('Content-Type', 'text/plain').set('Content-Length', '4').end('fine');
      made.release(refuse(res));
    });
    const answer = await fetch(made.url);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: 409 });
  });

  it('answers 500, and tells of it, when what it waits for fails', async () => {
    const faults: unknown[] = [];
    const hear = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, hear);
    const made = await holding((res) => res.send('fine'));
    const answer = fetch(made.url);
    await made.asked;
    made.fail(new Error('gone'));
    expect((await answer).status).toBe(500);
    unsubscribe(FAULT_CHANNEL, hear);
    expect(faults).toMatchObject([{ where: 'hold', error: { message: 'gone' } }]);
  });

  it('asks the innermost first, and nobody after one that answers instead', async () => {
    const order: string[] = [];
    const app = express();
    app.get('/', (req, res) => {
      const exchange = exchangeOf(req, res);
      exchange.tap(defineStages({ hold: () => (order.push('outer'), undefined) }));
      exchange.tap(
        defineStages({ hold: () => (order.push('middle'), Promise.resolve(refuse(res))) }),
      );
      exchange.tap(defineStages({ hold: () => (order.push('inner'), Promise.resolve(undefined)) }));
      res.send('fine');
    });
    served = await serve(app);
    expect((await fetch(served.url)).status).toBe(409);
    expect(order).toEqual(['inner', 'middle']);
  });

  it('refuses a second end, and a head after the head, as Node does', async () => {
    const errors: unknown[] = [];
    const made = await holding((res) => {
      res.on('error', (error) => errors.push(error));
      res.end('once');
      expect(() => res.writeHead(200)).toThrow('Cannot write headers after they are sent');
      res.end();
      made.release();
    });
    expect(await (await fetch(made.url)).text()).toBe('once');
    expect(errors).toEqual([]);
  });

  it('sends the first answer as it was, and refuses the head of a second one', async () => {
    const made = await holding((res) => {
      res.status(201).json({ id: 1 });
      expect(() => res.status(404).json({ error: 'a longer body than the first one' })).toThrow(
        'Cannot write headers after they are sent',
      );
      made.release();
    });
    const { status, headers } = await fetch(made.url);
    expect([status, headers.get('content-length')]).toEqual([201, '8']);
  });

  it('throws what is no body back at whoever gave it', async () => {
    const made = await holding((res) => {
      expect(() => res.end(1 as never)).toThrow('The "chunk" argument must be of type string');
      res.end('fine');
      made.release();
    });
    expect(await (await fetch(made.url)).text()).toBe('fine');
  });

  it('answers 500, and tells of it, when what was kept cannot be sent', async () => {
    const faults: unknown[] = [];
    const hear = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, hear);
    const made = await holding((res) => {
      res.statusCode = 1000;
      res.end();
      made.release();
    });
    expect((await fetch(made.url)).status).toBe(500);
    unsubscribe(FAULT_CHANNEL, hear);
    expect(faults).toMatchObject([
      { where: 'hold', error: { code: 'ERR_HTTP_INVALID_STATUS_CODE' } },
    ]);
  });

  it('lets somebody who cannot wait answer in its place, and nobody after that', async () => {
    const made = await holding((res) => {
      res.send('fine');
      const exchange = exchangeOf(res.req, res);
      expect(answerHeld(exchange, refuse(res))).toBe(true);
      expect(answerHeld(exchange, refuse(res))).toBe(false);
      made.release(() => res.end('late'));
    });
    const answer = await fetch(made.url);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'ERR_NO' });
  });

  it('stays ended for its handler when its head is flushed after that', async () => {
    const made = await holding((res) => {
      res.end('once');
      res.flushHeaders();
      expect(res.writableEnded).toBe(true);
      made.release();
    });
    expect(await (await fetch(made.url)).text()).toBe('once');
  });
});
