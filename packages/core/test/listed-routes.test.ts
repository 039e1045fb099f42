import { appRoutes, mountPattern } from '@org/core';
import express from 'express';

const answer: express.RequestHandler = (_req, res) => void res.end();

function routesOf(app: express.Express): readonly string[] {
  return appRoutes(app).map(({ methods, pattern }) => `${methods.join(',')} ${pattern}`);
}

describe('the routes of an app', () => {
  test('are those of its routers, over all mounts', () => {
    const app = express();
    const inner = express.Router();
    const outer = express.Router();
    inner.get('/', answer).delete('/:id', answer);
    outer.use('/inner', inner).post(['/one', '/other'], answer);
    app.use('/outer', outer);
    app.get(/^\/re$/, answer);
    expect(routesOf(app)).toEqual([
      'GET,HEAD /outer/inner',
      'DELETE /outer/inner/:id',
      'POST /outer/one',
      'POST /outer/other',
      'GET,HEAD /^\\/re$/',
    ]);
    expect(appRoutes(app)[1]).toMatchObject({ path: '/:id' });
  });

  test('for any method say so, whichever way they were made', () => {
    const app = express();
    const router = express.Router();
    router.all('/any', answer);
    app.use('/nested', router);
    app.all('/any', answer);
    expect(routesOf(app)).toEqual(['* /nested/any', '* /any']);
  });

  test('are listed though a router is mounted in itself', () => {
    const app = express();
    const router = express.Router();
    router.get('/x', answer).use('/again', router);
    app.use(router);
    expect(routesOf(app).length).toBeLessThan(20);
  });
});

test('an app that is mounted knows where', () => {
  const [app, api, admin] = [express(), express(), express()];
  app.use('/api/:version', api);
  api.use(['/admin', '/root'], admin);
  expect([app, api, admin].map(mountPattern)).toEqual(['', '/api/:version', '/api/:version/admin']);
});
