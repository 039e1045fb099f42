import { serve, type Served } from '@org/core/testing';
import { openapi, type OpenapiOptions, route } from '@org/openapi';
import { setup } from '@org/setup';
import { defineChange, versioning } from '@org/versioning';
import express, {
  type Express,
  type NextFunction,
  type Request,
  type Response,
  Router,
} from 'express';
import { z } from 'zod';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

const nothing = (): undefined => undefined;

async function start(
  options: Partial<OpenapiOptions>,
  mount: (app: Express) => void = () => undefined,
): Promise<string> {
  const app = express();
  app.use(openapi(options));
  app.get('/cities', route({ responses: { 200: z.array(z.string()) } }, nothing));
  mount(app);
  served = await serve(app);
  return served.url;
}

const FAR = { 'x-forwarded-for': '203.0.113.1' };

describe('GET /openapi.json', () => {
  it('answers with the document of the app, validators included', async () => {
    const url = await start({});
    const answer = await fetch(`${url}/openapi.json`);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await answer.json()).toMatchObject({
      openapi: '3.1.1',
      paths: { '/cities': { get: { operationId: 'getCities' } } },
    });
    const etag = answer.headers.get('etag')!;
    const again = await fetch(`${url}/openapi.json`, { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
  });

  it('is made anew when routes have come, and only then', async () => {
    const app = express();
    const made = openapi({ docsPath: false });
    app.use(made);
    served = await serve(app);
    const read = async (): Promise<string[]> => {
      const answer = await fetch(`${served!.url}/openapi.json`);
      return Object.keys(((await answer.json()) as { paths: object }).paths);
    };
    expect([await read(), await read()]).toEqual([[], []]);
    expect(made.stats()).toEqual({
      documentsTotal: 2,
      pagesTotal: 0,
      refusedTotal: 0,
      madeTotal: 1,
    });
    app.get('/late', route({}, nothing));
    expect(await read()).toEqual(['/late']);
    expect(made.stats()['madeTotal']).toBe(2);
  });

  it('that cannot be made is a fault of the service, and is tried once', async () => {
    const app = express();
    const made = openapi({ docsPath: false });
    app.use(made);
    app.get('/x', route({ query: z.string() }, nothing));
    app.use((error: { code: string }, _req: Request, res: Response, _next: NextFunction) => {
      res.status(500).send(error.code);
    });
    served = await serve(app);
    for (let count = 0; count < 2; count++) {
      expect(await (await fetch(`${served.url}/openapi.json`)).text()).toBe('ERR_OPTION');
    }
    expect(made.stats()['madeTotal']).toBe(1);
  });

  it('has no body for HEAD (RFC 9110 §9.3.2), and refuses other methods with 405 (§15.5.6)', async () => {
    const url = await start({});
    const head = await fetch(`${url}/openapi.json`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
    const post = await fetch(`${url}/openapi.json`, { method: 'POST' });
    expect(post.headers.get('allow')).toBe('GET, HEAD');
    expect(post.status).toBe(405);
  });

  it('is closed to strangers, and the page with it', async () => {
    const url = await start({ access: 'a token of enough characters'.replaceAll(' ', '-') });
    for (const path of ['/openapi.json', '/docs']) {
      expect((await fetch(url + path, { headers: FAR })).status).toBe(403);
      const authorization = 'Bearer a-token-of-enough-characters';
      expect((await fetch(url + path, { headers: { ...FAR, authorization } })).status).toBe(200);
      expect((await fetch(url + path)).status).toBe(403);
    }
    const file = '/docs/swagger-ui.0123456789abcdef.js';
    expect((await fetch(url + file, { headers: FAR })).status).toBe(403);
  });

  it('is open where that is asked for', async () => {
    const url = await start({ public: true });
    const answer = await fetch(`${url}/openapi.json`, { headers: FAR });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-cache']);
  });

  it('lets everything else go by, such as what only begins alike', async () => {
    const url = await start({}, (app) =>
      app.get(/.*/, (req, res) => void res.send(`app: ${req.path}`)),
    );
    for (const path of [
      '/openapi',
      '/openapi.jsonx',
      '/openapi/3.json',
      '/docs-of-mine',
      '/docs/x.js',
    ]) {
      expect(await (await fetch(url + path)).text()).toBe(`app: ${path}`);
    }
  });

  it('works below a mount, for the whole app', async () => {
    const app = express();
    app.use('/internal', Router().use(openapi()));
    app.get('/cities', route({}, nothing));
    served = await serve(app);
    const document = await (await fetch(`${served.url}/internal/openapi.json`)).json();
    expect(document).toHaveProperty(['paths', '/cities']);
    const page = await (await fetch(`${served.url}/internal/docs`)).text();
    const [, script] = /src="([^"]+swagger-ui[^"]+)"/.exec(page)!;
    const file = await fetch(new URL(script!, `${served.url}/internal/docs`));
    expect(file.status).toBe(200);
  });

  it('tells of an app that is mounted in another where it is', () => {
    const [outer, inner] = [express(), express()];
    outer.use('/v1', inner);
    inner.get('/cities', route({}, nothing));
    const made = openapi({ docsPath: false });
    expect(Object.keys(made.document(inner).paths)).toEqual(['/v1/cities']);
  });

  it('sees the routes under setup, ahead of which it runs', async () => {
    const app = express();
    const stack = setup(app, [openapi()]);
    app.get('/cities', route({}, nothing));
    const server = await stack.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`);
      expect(await answer.json()).toHaveProperty(['paths', '/cities']);
      expect((await fetch(`http://127.0.0.1:${port}/docs`)).status).toBe(200);
    } finally {
      await stack.close();
    }
  });
});

describe('versions', () => {
  const versions = [2, 1];
  const now = z.object({ names: z.array(z.string()) });
  const then = z.object({ name: z.string() });
  const change = defineChange({
    version: 2,
    description: '`names` takes the place of `name`.',
    routes: ['/cities/:id'],
    response: ({ names }: { names: string[] }) => ({ name: names[0] }),
  });
  const mount = (app: Express): void => {
    app.get(
      '/cities/:id',
      route(
        { responses: { 200: now }, earlier: { 1: { responses: { 200: then } } } },
        (_req, res) => {
          res.json({ names: ['Rome'] });
        },
      ),
    );
    app.get('/old', route({ until: 1 }, nothing));
    const headers = z.object({ 'api-version': z.string().optional() });
    app.get('/new', route({ since: 2, headers }, nothing));
  };

  it('have documents of their own, of what their clients know', () => {
    const app = express();
    mount(app);
    const made = openapi({ docsPath: false, versions, changes: [change] });
    const [first, second] = [made.document(app, { version: 1 }), made.document(app)];
    expect([first.info.version, second.info.version]).toEqual(['1', '2']);
    expect(Object.keys(first.paths)).toEqual(['/cities/{id}', '/old']);
    expect(Object.keys(second.paths)).toEqual(['/cities/{id}', '/new']);
    const schemaOf = ({ paths }: typeof first): unknown =>
      (paths['/cities/{id}']!.get!.responses['200'] as { content: object }).content;
    expect(schemaOf(first)).toMatchObject({
      'application/json': { schema: { properties: { name: {} } } },
    });
    expect(schemaOf(second)).toMatchObject({
      'application/json': { schema: { properties: { names: {} } } },
    });
    expect(first.paths['/cities/{id}']!.get).not.toHaveProperty('description');
    expect(second.paths['/cities/{id}']!.get!['description']).toBe(
      'Since 2: `names` takes the place of `name`.',
    );
    expect(second.info['description']).toBe('Changes:\n\n- 2: `names` takes the place of `name`.');
    expect(second.paths['/new']!.get!.parameters).toEqual([
      expect.objectContaining({ name: 'API-Version', schema: { type: 'string' }, example: '2' }),
    ]);
  });

  it('are asked for by address, by query, and as any request asks @org/versioning', async () => {
    const app = express();
    const [choose, requests] = versioning({ versions, changes: [change] });
    app.use(choose, requests, openapi({ versions, changes: [change], docsPath: false }));
    mount(app);
    served = await serve(app);
    const versionAt = async (path: string, headers = {}): Promise<string> => {
      const answer = await fetch(served!.url + path, { headers });
      return ((await answer.json()) as { info: { version: string } }).info.version;
    };
    expect(await versionAt('/openapi/1.json')).toBe('1');
    expect(await versionAt('/openapi/2.json')).toBe('2');
    expect(await versionAt('/openapi.json?version=2')).toBe('2');
    expect(await versionAt('/openapi.json', { 'API-Version': '2' })).toBe('2');
    expect(await versionAt('/v2/openapi.json')).toBe('2');
    // Whoever says nothing is served by the oldest.
    expect(await versionAt('/openapi.json')).toBe('1');
    const unknown = await fetch(`${served.url}/openapi.json?version=3`);
    expect(unknown.status).toBe(400);
  });

  it('are the newest where nobody says', async () => {
    const url = await start({ versions, docsPath: false }, mount);
    expect(await (await fetch(`${url}/openapi.json`)).json()).toMatchObject({
      info: { version: '2' },
    });
  });

  it('may have servers of their own, and no header', () => {
    const app = express();
    mount(app);
    const made = openapi({
      docsPath: false,
      versions: ['2026-01-01', '2026-11-01'],
      versionHeader: false,
      servers: (version) => [{ url: `/${version}` }],
    });
    const document = made.document(app, { version: '2026-01-01' });
    expect(document['servers']).toEqual([{ url: '/2026-01-01' }]);
    expect(document.paths['/cities/{id}']!.get!.parameters).toHaveLength(1);
    expect(() => made.document(app, { version: 9 })).toThrow('there is no version 9');
  });
});

describe('options', () => {
  it.each<[Partial<OpenapiOptions>, string]>([
    [{ documentPath: 'openapi.json' }, '"documentPath" must be a path of plain segments'],
    [{ docsPath: '/openapi.json' }, 'are both /openapi.json'],
    [{ docsPath: '/docs/' }, '"docsPath" must be a path of plain segments'],
    [{ info: {} as never }, '"info" must be an object with a title'],
    [{ versions: [1, '1'] }, 'names a version twice'],
    [{ versions: ['v1'] }, '"versions" must be a list, each a version, a date such as'],
    [{ security: ['key'] }, '"security" names key, which "securitySchemes" does not have'],
    [{ access: 'short' }, '"access" must be a token of at least 16 characters'],
    [{ routes: [{} as never] }, '"routes" must be a list, each what routes() has made'],
  ])('%j are refused', (options, message) => {
    expect(() => openapi(options)).toThrow(message);
  });
});
