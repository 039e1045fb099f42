import { openapi, route, routes } from '@org/openapi';
import express, { type Express, Router } from 'express';

const nothing = (): undefined => undefined;

function appWith(mount: (app: Express) => void): Express {
  const app = express();
  mount(app);
  return app;
}

describe('drift', () => {
  it('is nothing where every route is described', () => {
    const app = appWith((one) => {
      one.use('/api', Router().get('/cities{/:id}', route({}, nothing)));
      one.all('/any', route({}, nothing));
      one.get('/hidden', route({ hidden: true }, nothing));
    });
    expect(openapi({ docsPath: false }).drift(app)).toEqual({ undocumented: [], unmounted: [] });
  });

  it('names routes that are mounted and not described, those that cannot be among them', () => {
    const app = appWith((one) => {
      one.use('/api', Router().get('/cities', nothing).post('/cities', route({}, nothing)));
      one.all('/any', nothing);
      one.get(/^\/r/, route({}, nothing));
      one.use(/^\/m/, Router().get('/below', route({}, nothing)));
      one.get('/health/ready', nothing);
      one.get('/by-hand/:id', nothing);
    });
    const made = openapi({
      docsPath: false,
      undocumented: ['/health/*rest'],
      paths: { '/by-hand/{key}': { get: {} } },
    });
    expect(made.drift(app)).toEqual({
      undocumented: [
        { method: 'GET', path: '/api/cities' },
        { method: 'ALL', path: '/any' },
        { method: 'GET', path: '/^\\/r/' },
        { method: 'ALL', path: '/^\\/m/' },
      ],
      unmounted: [],
    });
  });

  it('is not what is around the methods of a route', () => {
    const app = appWith((one) => {
      one.route('/x').all(nothing).get(route({}, nothing));
      one.route('/y').all(nothing).post(nothing);
    });
    expect(openapi({ docsPath: false }).drift(app).undocumented).toEqual([
      { method: 'POST', path: '/y' },
    ]);
  });

  it('names what is written by hand and mounted nowhere', () => {
    const made = openapi({ docsPath: false, paths: { '/gone': { get: {}, summary: 'x' } } });
    expect(made.drift(express()).unmounted).toEqual([{ method: 'GET', path: '/gone' }]);
  });

  it('names routes that were made and mounted nowhere', () => {
    const make = routes();
    const mounted = make({ summary: 'Here' }, nothing);
    make({ operationId: 'lost' }, nothing);
    make({ summary: 'Lost, too' }, nothing);
    const app = appWith((one) => one.get('/here', mounted));
    expect(openapi({ docsPath: false, routes: [make] }).drift(app).unmounted).toEqual([
      { name: 'lost' },
      { name: 'Lost, too' },
    ]);
  });

  it('compares with a document that was published, in both directions', () => {
    const app = appWith((one) => {
      one.get('/cities/:id', route({}, nothing));
      one.post('/cities', route({}, nothing));
    });
    const published = { paths: { '/cities/{key}': { get: {} }, '/countries': { get: {} } } };
    expect(openapi({ docsPath: false }).drift(app, published as never)).toEqual({
      undocumented: [{ method: 'POST', path: '/cities' }],
      unmounted: [{ method: 'GET', path: '/countries' }],
    });
  });
});
