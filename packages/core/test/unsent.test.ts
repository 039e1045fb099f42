/** What a handler answers although its client has gone. */
import { once } from 'node:events';
import { connect } from 'node:net';
import express, { type Express, type Response } from 'express';
import { defineStages, type Exchange, exchangeOf } from '@org/core';
import { serve, type Served } from '@org/core/testing';

interface Heard {
  readonly status: number;
  readonly type: unknown;
  readonly body: string | undefined;
  readonly settled: boolean;
}

const served: Served[] = [];
afterEach(async () => {
  for (const one of served.splice(0)) await one.close();
});

/** Serves one route, whose `answer` runs once the client has gone, and says what `unsent` heard. */
async function answerToNobody(
  answer: (res: Response) => void,
  before: (res: Response) => void = () => undefined,
): Promise<{ heard: Heard[]; captured: string[] }> {
  const heard: Heard[] = [];
  const captured: string[] = [];
  const stages = defineStages({
    capture: () => ({
      write: (chunk) => void captured.push(chunk.toString()),
      end: () => void captured.push('end'),
      abort: () => void captured.push('abort'),
    }),
    unsent: (head, body, exchange: Exchange) =>
      void heard.push({
        status: head.status,
        type: head.get('Content-Type'),
        body: body?.toString(),
        settled: exchange.settled,
      }),
  });
  const app: Express = express();
  const arrived = new Promise<Response>((resolve) => {
    app.get('/', (req, res) => {
      exchangeOf(req, res).tap(stages);
      before(res);
      resolve(res);
    });
  });
  const one = await serve(app);
  served.push(one);
  const socket = connect(one.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const res = await arrived;
  const closed = once(res, 'close');
  socket.destroy();
  await closed;
  answer(res);
  return { heard, captured };
}

describe('the stage `unsent`', () => {
  it('hears the whole answer of a handler whose client has gone, once', async () => {
    const { heard } = await answerToNobody((res) => {
      res.status(201).json({ id: 1 });
      res.end('more');
    });
    expect(heard).toEqual([
      { status: 201, type: 'application/json; charset=utf-8', body: '{"id":1}', settled: true },
    ]);
  });

  it('hears of an answer without a body', async () => {
    const { heard } = await answerToNobody((res) => res.status(204).end());
    expect(heard).toEqual([{ status: 204, type: undefined, body: '', settled: true }]);
  });

  it('says when parts of the body are lost, written before or after the client went', async () => {
    const late = await answerToNobody((res) => {
      res.write('one ');
      res.end('two');
    });
    expect(late.heard.map(({ body }) => body)).toEqual([undefined]);
    const early = await answerToNobody(
      (res) => res.end('two'),
      (res) => void res.write('one '),
    );
    expect(early.heard.map(({ body }) => body)).toEqual([undefined]);
    expect(early.captured).toEqual(['one ', 'abort']);
  });

  it('hears nothing of an answer that is sent', async () => {
    const heard: unknown[] = [];
    const app = express();
    app.get('/', (req, res) => {
      exchangeOf(req, res).tap(defineStages({ unsent: () => void heard.push('unsent') }));
      res.send('sent');
    });
    const one = await serve(app);
    served.push(one);
    expect(await (await fetch(one.url)).text()).toBe('sent');
    expect(heard).toEqual([]);
  });
});
