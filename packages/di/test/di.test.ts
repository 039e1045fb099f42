import express from 'express';

import { exchangeOf } from '@org/core';
import { recordExchanges, serve } from '@org/core/testing';
import { container, di } from '@org/di';
import { setup } from '@org/setup';

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));

/** Services that write down what becomes of them. */
function world() {
  const notes: string[] = [];
  const services = container()
    .singleton('pool', [], () => later({ query: (text: string) => `rows of ${text}` }), {
      dispose: () => void notes.push('pool freed'),
    })
    .scoped(
      'session',
      ['pool', 'exchange'],
      (pool, exchange) => ({ list: () => `${pool.query('trips')} for ${exchange.req.path}` }),
      { dispose: () => later(notes).then((all) => all.push('session freed')) },
    )
    .build();
  return { notes, services, made: di({ services }) };
}

describe('the scope of a request', () => {
  test('is made by the first who asks, and freed when the response has closed', async () => {
    const { notes, services, made } = world();
    await services.start();
    const { middleware, waitFor } = recordExchanges();
    const app = express();
    app.use(middleware, made);
    app.get('/trips', (req, res) => {
      expect(made.of(req)).toBe(made.of(req));
      res.send(made.of(req).get('session').list());
      notes.push('answered');
    });
    app.get('/plain', (_req, res) => void res.send('nothing asked'));
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/trips`)).text()).toBe('rows of trips for /trips');
    await waitFor(1);
    await made.close();
    expect(notes).toEqual(['answered', 'session freed', 'pool freed']);
    await fetch(`${url}/plain`);
    expect(made.stats()).toMatchObject({ scopesTotal: 1, openScopes: 0, disposedTotal: 2 });
    await close();
  });

  test('ends with a client that goes away; who asks later is told', async () => {
    const { notes, services, made } = world();
    await services.start();
    const app = express();
    app.use(made);
    const late = new Promise((resolve) => {
      app.get('/', (req, res) => {
        const scope = made.of(req);
        scope.get('session');
        res.on('close', () => {
          try {
            resolve(scope.get('session'));
          } catch (error) {
            resolve(error);
          }
        });
        res.destroy();
      });
    });
    const { url, close } = await serve(app);
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    expect(await late).toMatchObject({ code: 'ERR_DI_CLOSED' });
    await made.close();
    expect(notes).toEqual(['session freed', 'pool freed']);
    await close();
  });

  test('is one for a request, whoever asks and with whatever, in an app within an app too', async () => {
    const { services, made } = world();
    await services.start();
    const [app, inner] = [express(), express()];
    app.use(made);
    app.use((req, _res, next) => {
      made.of(req);
      next();
    });
    app.use('/inner', inner);
    inner.get('/', (req, res) => {
      const scope = made.of(exchangeOf(req, res));
      res.send(String(scope === made.of(req)));
    });
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/inner`)).text()).toBe('true');
    expect(made.stats()).toMatchObject({ scopesTotal: 1 });
    await close();
    await made.close();
  });

  test('is there for a request that has not passed the middleware yet', async () => {
    const { services, made } = world();
    await services.start();
    const app = express();
    app.get('/early', (req, res) => void res.send(made.of(req).get('session').list()));
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/early`)).text()).toContain('rows of trips');
    await close();
    await made.close();
  });
});

describe('closing', () => {
  /** An app whose request is under way, with its scope, until `answer` is called. */
  async function busy() {
    const { notes, services, made } = world();
    await services.start();
    const app = express();
    app.use(made);
    let answer = (): void => undefined;
    const come = new Promise<void>((resolve) => {
      app.get('/', (req, res) => {
        made.of(req).get('session');
        answer = () => {
          notes.push(made.of(req).get('session').list());
          res.end();
        };
        resolve();
      });
    });
    app.get('/late', (req, res) => {
      try {
        made.of(req);
        res.send('a scope');
      } catch (error) {
        res.send((error as { code: string }).code);
      }
    });
    const { url, close } = await serve(app);
    const asked = fetch(url);
    await come;
    const end = async (): Promise<void> => {
      answer();
      await asked;
      await close();
    };
    const late = async (): Promise<string> => (await fetch(`${url}/late`)).text();
    return { notes, made, end, late };
  }

  test('lets requests that are under way end with their services, and no other begin', async () => {
    const { notes, made, end, late } = await busy();
    const closed = made.close();
    expect(await late()).toBe('ERR_DI_CLOSED');
    expect(made.close()).toBe(closed);
    await end();
    await closed;
    expect(notes).toEqual(['rows of trips for /', 'session freed', 'pool freed']);
  });

  test('waits for them no longer than it may', async () => {
    const { notes, made, end } = await busy();
    const given = new AbortController();
    const closed = made.close(given.signal);
    given.abort();
    await closed;
    expect(notes).toEqual(['pool freed']);
    await end();
  });
});

test('a stack starts the services and closes them behind its requests', async () => {
  const { notes, made } = world();
  const app = express();
  const stack = setup(app, [made]);
  app.get('/trips', (req, res) => void res.send(made.of(req).get('session').list()));
  const server = await stack.listen(0, '127.0.0.1');
  const { port } = server.address() as { port: number };
  expect(await (await fetch(`http://127.0.0.1:${port}/trips`)).text()).toContain('rows of trips');
  await stack.close();
  expect(notes).toEqual(['session freed', 'pool freed']);
});

test('a service that cannot be made reaches the error handlers as what it is', async () => {
  const services = container()
    .scoped('broken', [], () => Promise.reject(Object.assign(new Error('away'), { status: 503 })))
    .build();
  const made = di({ services });
  const app = express();
  const stack = setup(app, [made]);
  app.get('/', async (req, res) => {
    await made.of(req).resolve('broken');
    res.end();
  });
  const server = await stack.listen(0, '127.0.0.1');
  const { port } = server.address() as { port: number };
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(503);
  await stack.close();
});

test('what is no container is refused', () => {
  expect(() => di({ services: {} as never })).toThrow('option "services" must be a container');
});
