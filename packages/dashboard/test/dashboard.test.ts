import { type FakeClock, fakeClock, recordExchanges, serve, type Served } from '@org/core/testing';
import express from 'express';
import { readFileSync } from 'node:fs';

import { type Dashboard, dashboard, type DashboardOptions } from '@org/dashboard';
import { openTab } from './tab.ts';

const TOKEN = 'a-token-of-some-length';
/** Callers through a proxy are not local, whatever their address. */
const OUTSIDE = { 'x-forwarded-for': '203.0.113.9', accept: 'text/html' };

const clean: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

interface Made extends Served {
  readonly made: Dashboard;
  readonly clock: FakeClock;
  ask(path: string, init?: RequestInit): Promise<Response>;
}

async function make(options: Partial<DashboardOptions> = {}, at = '/'): Promise<Made> {
  const clock = fakeClock();
  const made = dashboard({ clock, ...options });
  const app = express();
  app.use(at, made);
  app.use((_req, res) => void res.status(200).send('app'));
  const served = await serve(app);
  clean.push(
    () => served.close(),
    () => made.close(),
  );
  return {
    ...served,
    made,
    clock,
    ask: (path, init) => fetch(served.url + path, { redirect: 'manual', ...init }),
  };
}

/** Signs in from outside, and answers the cookie. */
async function signIn({ ask }: Made): Promise<string> {
  const answer = await ask('/dashboard/sign-in', {
    method: 'POST',
    headers: { ...OUTSIDE, authorization: `Bearer ${TOKEN}` },
  });
  expect(answer.status).toBe(204);
  return answer.headers.get('set-cookie')!;
}

const cookieOf = (header: string): string => header.slice(0, header.indexOf(';'));

describe('the page', () => {
  it('is a document of its own, with a policy that lets nothing else in', async () => {
    const { ask } = await make({ title: 'Trips <&> "more"' });
    const answer = await ask('/dashboard');
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = answer.headers.get('content-security-policy')!;
    const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy)!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'nonce-${nonce!}'`);
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(html).toContain('<title>Trips &#60;&#38;&#62; &#34;more&#34;</title>');
    // Every script and style carries the nonce, no markup a handler, and no address leads elsewhere.
    for (const [tag] of html.matchAll(/<(?:script|link rel="(?:style|module))[^>]*>/g)) {
      expect(tag).toContain(`nonce="${nonce!}"`);
    }
    expect(html).not.toMatch(/\son\w+=|\sstyle=|(?:src|href)="(?:https?:|\/)/);
  });

  it('has a nonce of its own for every answer', async () => {
    const { ask } = await make();
    const policies = await Promise.all(
      [1, 2].map(async () => (await ask('/dashboard')).headers.get('content-security-policy')),
    );
    expect(policies[0]).not.toBe(policies[1]);
  });

  it('preloads every module that it imports', async () => {
    const { ask } = await make();
    const html = await (await ask('/dashboard')).text();
    const [, digest] = /assets\/([\w-]+)\/main\.js/.exec(html)!;
    const seen = new Set<string>();
    const visit = async (name: string): Promise<void> => {
      if (seen.has(name)) return;
      seen.add(name);
      const code = await (await ask(`/dashboard/assets/${digest!}/${name}`)).text();
      for (const [, next] of code.matchAll(/^import .+ from '\.\/(.+)';$/gm)) await visit(next!);
    };
    await visit('main.js');
    for (const name of seen) expect(html).toContain(`/${name}"`);
  });

  it('answers HEAD as GET without the body, and other methods with what there is', async () => {
    const { ask } = await make();
    const head = await ask('/dashboard', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
    expect(await head.text()).toBe('');
    const posted = await ask('/dashboard', { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    const got = await ask('/dashboard/sign-in');
    expect(got.status).toBe(405);
    expect(got.headers.get('allow')).toBe('POST');
  });

  it('leaves every other address to the app', async () => {
    const { ask } = await make();
    for (const path of ['/', '/dashboards', '/dashboard/x', '/dashboard/assets', '/DASHBOARD']) {
      expect(await (await ask(path)).text()).toBe('app');
    }
  });

  it('leads from its folder to itself, where its relative addresses are right', async () => {
    const { ask } = await make({ path: '/ops/live' });
    const answer = await ask('/ops/live/');
    expect(answer.status).toBe(308);
    expect(answer.headers.get('location')).toBe('../live');
    expect(await (await ask('/ops/live')).text()).toContain('src="live/assets/');
  });

  it('respects its mount, and names its routes after it', async () => {
    const recorder = recordExchanges();
    const made = dashboard();
    clean.push(() => made.close());
    const app = express().use(recorder.middleware).use('/internal', made);
    const { url, close } = await serve(app);
    clean.push(close);
    const page = await fetch(`${url}/internal/dashboard`);
    expect(page.status).toBe(200);
    const [, asset] = /src="(dashboard\/assets\/[^"]+)"/.exec(await page.text())!;
    const script = await fetch(new URL(asset!, `${url}/internal/dashboard`));
    expect(script.status).toBe(200);
    await script.text();
    const settled = await recorder.waitFor(2);
    expect(settled.map(({ route }) => route)).toEqual([
      '/internal/dashboard',
      '/internal/dashboard/assets/:digest/:name',
    ]);
  });

  it('refuses options that it cannot work with', () => {
    expect(() => dashboard({ path: 'dashboard' })).toThrow('option "path" must be a path');
    expect(() => dashboard({ access: 'short' })).toThrow('option "access" must be');
    expect(() => dashboard({ intervalMs: 1 })).toThrow('option "intervalMs" must be');
    expect(() => dashboard({ idleIntervalMs: 500 })).toThrow(
      'option "idleIntervalMs" must be 0 or at least "intervalMs", which is 1000, but is 500.',
    );
    expect(() => dashboard({ intervalMs: 5000, idleIntervalMs: 5000 }).close()).not.toThrow();
  });
});

describe('the files', () => {
  it('are kept for good under an address that changes with them, compressed where wanted', async () => {
    const { ask } = await make();
    const html = await (await ask('/dashboard')).text();
    const [, digest] = /assets\/([\w-]+)\/main\.js/.exec(html)!;
    const path = `/dashboard/assets/${digest!}/uplot.js`;
    const plain = await ask(path, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(plain.headers.get('vary')).toBe('Accept-Encoding');
    expect(plain.headers.get('content-encoding')).toBeNull();
    const { createRequire } = await import('node:module');
    const uplot = createRequire(__filename).resolve('uplot').replace('cjs', 'esm');
    expect(await plain.text()).toBe(readFileSync(uplot, 'utf8'));
    const coded = await ask(path, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
    expect(coded.headers.get('content-encoding')).toBe('gzip');
    expect(Number(coded.headers.get('content-length'))).toBeLessThan(50_000);
  });

  it('are no others than those of the page', async () => {
    const { ask } = await make();
    const html = await (await ask('/dashboard')).text();
    const [, digest] = /assets\/([\w-]+)\/main\.js/.exec(html)!;
    for (const name of ['tsconfig.json', 'none.js', '..', '%2e%2e', 'constructor']) {
      const answer = await ask(`/dashboard/assets/${digest!}/${name}`);
      expect(await answer.text()).not.toContain('compilerOptions');
      expect([200, 404]).toContain(answer.status);
    }
    expect((await ask('/dashboard/assets/older/main.js')).status).toBe(404);
  });
});

describe('a stranger', () => {
  it('sees nothing where there is no token: no page, no files, no events', async () => {
    const { ask } = await make();
    for (const path of ['/dashboard', '/dashboard/events', '/dashboard/assets/x/main.js']) {
      const answer = await ask(path, { headers: OUTSIDE });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'ERR_MONITORING_CLOSED' });
    }
    const signedIn = await ask('/dashboard/sign-in', { method: 'POST', headers: OUTSIDE });
    expect(signedIn.status).toBe(404);
  });

  it('who asks by another name for this machine is one (DNS rebinding)', async () => {
    const { port } = await make();
    const { response, close } = await openTab(`http://127.0.0.1:${port}/dashboard/events`, {
      host: 'evil.example',
    });
    expect(response.statusCode).toBe(403);
    close();
  });

  it('is shown the form where there is a token, and programs a problem document', async () => {
    const { ask } = await make({ access: TOKEN });
    const form = await ask('/dashboard', { headers: OUTSIDE });
    expect(form.status).toBe(403);
    expect(form.headers.get('content-security-policy')).toContain("form-action 'none'");
    const html = await form.text();
    expect(html).toContain('Monitoring token');
    expect(html).not.toContain('main.js');
    for (const accept of ['application/json', '*/*']) {
      const program = await ask('/dashboard', { headers: { ...OUTSIDE, accept } });
      expect(program.status).toBe(403);
      expect(await program.json()).toMatchObject({ code: 'ERR_MONITORING_CLOSED' });
    }
    expect((await ask('/dashboard/events', { headers: OUTSIDE })).status).toBe(403);
  });

  it('is let in by a decision of the user, which then is all there is', async () => {
    const { ask } = await make({ access: (req) => req.headers['x-staff'] === 'yes' });
    const staff = await ask('/dashboard', { headers: { ...OUTSIDE, 'x-staff': 'yes' } });
    expect(staff.status).toBe(200);
    expect((await ask('/dashboard')).status).toBe(403);
  });

  it('with the token in a header needs no session', async () => {
    const { ask } = await make({ access: TOKEN });
    const headers = { ...OUTSIDE, authorization: `Bearer ${TOKEN}` };
    const page = await ask('/dashboard', { headers });
    expect(page.status).toBe(200);
    expect(await page.text()).not.toContain('Sign out');
  });
});

describe('a session', () => {
  it('begins with the token, in a cookie that no script reads and no other site sends', async () => {
    const dash = await make({ access: TOKEN });
    const cookie = await signIn(dash);
    expect(cookie).toMatch(
      /^dashboard_session=\d+\.[\w-]{43}; Max-Age=28800; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(TOKEN);
    const page = await dash.ask('/dashboard', {
      headers: { ...OUTSIDE, cookie: cookieOf(cookie) },
    });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('Sign out');
  });

  it('is marked secure where the connection is', async () => {
    const made = dashboard({ access: TOKEN });
    clean.push(() => made.close());
    const app = express().set('trust proxy', true).use(made);
    const { url, close } = await serve(app);
    clean.push(close);
    const { headers } = await fetch(`${url}/dashboard/sign-in`, {
      method: 'POST',
      headers: { ...OUTSIDE, 'x-forwarded-proto': 'https', authorization: `Bearer ${TOKEN}` },
    });
    expect(headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('does not begin with another token, nor from another site', async () => {
    const { ask } = await make({ access: TOKEN });
    const attempt = (headers: Record<string, string>) =>
      ask('/dashboard/sign-in', { method: 'POST', headers: { ...OUTSIDE, ...headers } });
    for (const headers of [
      {},
      { authorization: 'Bearer another-token-as-long' },
      { authorization: `Bearer ${TOKEN}`, 'sec-fetch-site': 'cross-site' },
      { authorization: `Bearer ${TOKEN}`, 'sec-fetch-site': 'same-site' },
    ]) {
      const answer = await attempt(headers);
      expect(answer.status).toBe(403);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  it('begins over plain HTTP behind a proxy that writes a Host of its own', async () => {
    const { ask } = await make({ access: TOKEN });
    const headers = {
      ...OUTSIDE,
      origin: 'http://ops.example',
      authorization: `Bearer ${TOKEN}`,
    };
    expect((await ask('/dashboard/sign-in', { method: 'POST', headers })).status).toBe(204);
  });

  it('does not begin for a caller who is merely local', async () => {
    const { ask } = await make({ access: TOKEN });
    const answer = await ask('/dashboard/sign-in', { method: 'POST' });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it('ends by its time, for pages and for streams that are open', async () => {
    const dash = await make({ access: TOKEN, sessionMs: 60_000 });
    const headers = { ...OUTSIDE, cookie: cookieOf(await signIn(dash)) };
    const { next, ended, close } = await openTab(`${dash.url}/dashboard/events`, headers);
    clean.push(close);
    await next();
    await next();
    dash.clock.advance(59_000);
    expect((await dash.ask('/dashboard', { headers })).status).toBe(200);
    dash.clock.advance(1000);
    expect((await dash.ask('/dashboard', { headers })).status).toBe(403);
    expect(await ended).toBe(true);
  });

  it('is not to be forged, prolonged or taken from a service with another token', async () => {
    const dash = await make({ access: TOKEN });
    const other = await make({ access: 'another-token-as-long' });
    const cookie = cookieOf(await signIn(dash));
    const [, until, signature] = /=(\d+)\.(.+)$/.exec(cookie)!;
    const page = async ({ ask }: Made, value: string) =>
      (await ask('/dashboard', { headers: { ...OUTSIDE, cookie: value } })).status;
    expect(await page(dash, `a=b; ${cookie}; c=d`)).toBe(200);
    expect(await page(other, cookie)).toBe(403);
    for (const forged of [
      `dashboard_session=${Number(until) + 1}.${signature!}`,
      `dashboard_session=${until!}.${signature!.slice(1)}`,
      `dashboard_session=${until!}.`,
      `dashboard_session=${until!}.${'A'.repeat(43)}`,
      `xdashboard_session=${until!}.${signature!}`,
    ]) {
      expect(await page(dash, forged)).toBe(403);
    }
  });

  it('ends when its user wants it to', async () => {
    const dash = await make({ access: TOKEN });
    const headers = { ...OUTSIDE, cookie: cookieOf(await signIn(dash)) };
    const out = await dash.ask('/dashboard/sign-out', { method: 'POST', headers });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/^dashboard_session=; Max-Age=0;/);
  });
});
