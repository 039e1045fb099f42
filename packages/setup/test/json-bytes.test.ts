import express, { type Express } from 'express';
import request from 'supertest';

import { setup } from '@org/setup';

const LONG = { text: 'ä'.repeat(700) };

function addRoutes(app: Express): void {
  app.get('/long', (_req, res) => void res.json(LONG));
  app.get('/short', (_req, res) => void res.json('ä'));
  app.get('/empty', (_req, res) => void res.type('json').send(''));
  app.get('/own-type', (_req, res) => void res.type('application/ld+json').json(LONG));
  app.get('/own-charset', (_req, res) => {
    res.setHeader('Content-Type', 'application/json; charset=latin1');
    res.json(LONG);
  });
  app.get('/own-tag', (_req, res) => void res.set('ETag', '"mine"').json('ä'));
  app.get('/text', (_req, res) => void res.send('text'));
  app.get('/bytes', (_req, res) => void res.send(Buffer.from('ä')));
  app.get('/created', (_req, res) => void res.status(201).json(LONG));
  app.get('/nothing', (_req, res) => void res.status(204).json(LONG));
  app.get('/reset', (_req, res) => void res.status(205).json(LONG));
}

describe('JSON under a stack', () => {
  const plain = express();
  const ours = express();
  setup(ours, []);
  for (const app of [plain.disable('x-powered-by'), ours]) addRoutes(app);

  const answerOf = async (app: Express, method: 'get' | 'head', path: string, tag?: string) => {
    const asked = request(app)[method](path);
    if (tag !== undefined) asked.set('If-None-Match', tag);
    const { status, headers, text, body } = await asked;
    return { status, headers: { ...headers, date: '' }, text, body: body as unknown };
  };

  const paths = ['long', 'short', 'empty', 'own-type', 'own-charset', 'own-tag', 'text', 'bytes'];

  test.each([...paths, 'created', 'nothing', 'reset'])(
    'is what Express sends, head and body: /%s',
    async (name) => {
      const expected = await answerOf(plain, 'get', `/${name}`);
      expect(await answerOf(ours, 'get', `/${name}`)).toEqual(expected);
      expect(await answerOf(ours, 'head', `/${name}`)).toEqual(
        await answerOf(plain, 'head', `/${name}`),
      );
      const { etag } = expected.headers as { etag?: string };
      if (etag === undefined) return;
      expect(await answerOf(ours, 'get', `/${name}`, etag)).toEqual(
        await answerOf(plain, 'get', `/${name}`, etag),
      );
    },
  );

  test('is text to whoever has replaced the send of a response', async () => {
    const app = express();
    setup(app, []);
    const seen: unknown[] = [];
    app.use((_req, res, next) => {
      const { send } = res;
      res.send = (body) => {
        seen.push(body);
        return send.call(res, body);
      };
      next();
    });
    addRoutes(app);
    await request(app).get('/long').expect(200, LONG);
    expect(seen).toEqual([JSON.stringify(LONG)]);
  });

  test('goes as text to the send of the app, where that has been replaced before', async () => {
    const app = express();
    const { send } = app.response;
    app.response.send = function (this: express.Response, body?: unknown) {
      return send.call(this.set('X-Sent', typeof body), body);
    };
    setup(app, []);
    addRoutes(app);
    const { headers, body } = await request(app).get('/long');
    expect(headers).toMatchObject({ 'x-sent': 'string' });
    expect(body).toEqual(LONG);
  });

  test('is left alone where the app does not tag its answers', () => {
    const app = express();
    app.set('etag', false);
    const { send } = app.response;
    setup(app, []);
    expect(app.response.send).toBe(send);
  });
});
