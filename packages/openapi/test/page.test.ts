/** The page in a real browser: under its own policy it must show the document and ask for nothing from elsewhere. */
import { serve, type Served } from '@org/core/testing';
import { openapi, route } from '@org/openapi';
import express, { Router } from 'express';
import { withChromium } from 'test-servers/chromium';
import { z } from 'zod';

import { interfaceFolder } from '../src/interface-files.ts';

let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

const nothing = (): undefined => undefined;

async function start(): Promise<{ url: string; asked: string[] }> {
  const app = express();
  const asked: string[] = [];
  app.use((req, _res, next) => {
    asked.push(req.originalUrl);
    next();
  });
  app.use(
    '/inner',
    Router().use(
      openapi({
        info: { title: 'Places <&> trips' },
        versions: [1, 2],
        servers: [{ url: 'https://api.example.com/v2' }],
      }),
    ),
  );
  app.get(
    '/cities/:id',
    route({ summary: 'One of the cities', params: z.object({ id: z.string() }) }, nothing),
  );
  served = await serve(app);
  return { url: served.url, asked };
}

describe('GET /docs', () => {
  it('has a policy without inline scripts, styles, and others’ addresses', async () => {
    const { url } = await start();
    const [first, second] = await Promise.all([
      fetch(`${url}/inner/docs`),
      fetch(`${url}/inner/docs`),
    ]);
    const policy = first.headers.get('content-security-policy')!;
    expect(policy.replaceAll(/nonce-[\w+/=]+/g, 'nonce')).toBe(
      "default-src 'none'; script-src 'nonce'; style-src 'nonce'; img-src 'self' data:; connect-src 'self' https://api.example.com; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(policy).not.toBe(second.headers.get('content-security-policy'));
    const html = await first.text();
    expect(html).toContain('<title>Places &#60;&#38;&#62; trips</title>');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style=/);
    expect(first.headers.get('cache-control')).toBe('no-store');
  });

  it('names its files by their content, to be kept for good', async () => {
    const { url } = await start();
    const html = await (await fetch(`${url}/inner/docs`)).text();
    const names = [...html.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, name]) => name!);
    expect(names).toHaveLength(3);
    for (const name of names) {
      const file = await fetch(`${url}/inner/${name}`);
      expect(file.status).toBe(200);
      expect(file.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
      expect(file.headers.get('x-content-type-options')).toBe('nosniff');
    }
    const other = names[0]!.replace(/\.[0-9a-f]{16}\./, '.0000000000000000.');
    expect((await fetch(`${url}/inner/${other}`)).status).toBe(404);
  });

  it('says at construction what is missing, and how to get it', () => {
    const absent = (): never => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => interfaceFolder(absent)).toThrow(
      'openapi: the page shows Swagger UI, which is not installed. Run: npm install swagger-ui-dist (or set docsPath: false).',
    );
  });

  it('says of a file of another release that it is gone', async () => {
    const { url } = await start();
    const answer = await fetch(`${url}/inner/docs/swagger-ui.0123456789abcdef.js`);
    expect([answer.status, await answer.text()]).toEqual([
      404,
      expect.stringContaining('load it again') as string,
    ]);
  });

  it('leads from the slash at its end to itself, and to versions by the query', async () => {
    const { url } = await start();
    const slash = await fetch(`${url}/inner/docs/`);
    expect(slash.url).toBe(`${url}/inner/docs`);
    expect(await slash.text()).toContain('data-document="openapi/2.json"');
    const query = await fetch(`${url}/inner/docs/?version=1`);
    expect(query.url).toBe(`${url}/inner/docs?version=1`);
    const first = await (await fetch(`${url}/inner/docs?version=1`)).text();
    expect(first).toContain('data-document="openapi/1.json"');
    expect(first).toContain('<a href="?version=2">2</a>');
    expect((await fetch(`${url}/inner/docs?version=3`)).status).toBe(400);
  });
});

withChromium('the page of openapi', (launch) => {
  it('shows the document in a browser, and breaks no policy', async () => {
    const { url, asked } = await start();
    const browser = await launch();
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      const answer = await page.goto(`${url}/inner/docs`);
      expect(answer!.headers()['content-security-policy']).toContain("default-src 'none'");
      await page.getByText('One of the cities').waitFor();
      expect(await page.getByRole('heading', { name: 'Places <&> trips' }).count()).toBe(1);
      expect(complaints).toEqual([]);
      expect(asked.filter((path) => !path.startsWith('/inner/'))).toEqual([]);
      expect(asked).toContain('/inner/openapi/2.json');
    } finally {
      await browser.close();
    }
  });
});
