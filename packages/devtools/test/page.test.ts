/** The page as its user has it, in a browser. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { defineMiddleware } from '@org/core';

import { withChromium } from 'test-servers/chromium';
import { closeTools, startTools, type Tools } from './tools.ts';

withChromium('the page of the devtools', (launch) => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await page.close();
    await closeTools();
  });

  async function show(
    changed: () => boolean = () => false,
    how: BrowserContextOptions = {},
  ): Promise<Tools> {
    const tools: Tools = await startTools({
      options: { mocks: { 'GET /hotels/:id': { type: 'object' } } },
      whole: [
        defineMiddleware({ name: 'slow', phase: 'read', step: () => tools.clock.advance(20) }),
      ],
      routes(app) {
        app.get('/list', (_req, res) => {
          res.json({ items: [changed() ? '<b>new</b>' : 'old'], password: 's3cret' });
        });
        app.get('/fails', () => {
          throw new Error('the shelf is empty');
        });
      },
    });
    page = await browser.newPage(how);
    complaints = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${tools.url}/devtools`);
    await page.locator('#connection[data-state=live]').waitFor();
    return tools;
  }

  test('shows exchanges as they come, and all of the one that is chosen', async () => {
    const { url } = await show();
    await fetch(`${url}/list?page=1`);
    await page.getByRole('button', { name: 'GET /list?page=1' }).click();
    const exchange = page.getByRole('article', { name: 'GET /list?page=1' });
    await exchange.waitFor();
    const slow = exchange.locator('tr', { hasText: 'slow' });
    expect(await slow.innerText()).toMatch(/read\s+slow\s+20 ms/);
    // What took no time is told by its phase alone, unless it is asked for.
    const small = exchange.locator('tr', { hasText: 'devtools:mocks' });
    expect(await exchange.locator('tr', { hasText: 'admit' }).innerText()).toContain(
      '2 middlewares',
    );
    expect(await small.isVisible()).toBe(false);
    await exchange.getByRole('button', { name: 'All middlewares' }).click();
    expect(await small.isVisible()).toBe(true);
    expect(await slow.locator('.bar-of-time').getAttribute('style')).toContain('--long: 100%');
    expect(await exchange.locator('pre').last().innerText()).toContain('"password": "[redacted]"');
    await fetch(`${url}/fails`);
    await page.getByRole('button', { name: 'GET /fails' }).click();
    await page.getByText('Error: the shelf is empty').waitFor();
    expect(complaints).toEqual([]);
  });

  test('replays one and all, and shows what has changed as text', async () => {
    let changed = false;
    const { url } = await show(() => changed);
    await fetch(`${url}/list`);
    await page.getByRole('button', { name: 'GET /list' }).click();
    await page.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText('Replayed: the same').waitFor();
    changed = true;
    await page.getByRole('button', { name: 'Replay all GETs' }).click();
    await page.getByText('1 replayed: 0 same, 1 changed, 0 could not run.').waitFor();
    const change = page.locator('tr', { hasText: '/items/0' });
    expect(await change.innerText()).toMatch(/"old"\s+"<b>new<\/b>"/);
    await page.getByText('replay changed 1').waitFor();
    expect(complaints).toEqual([]);
  });

  test('filters, and clears', async () => {
    const { url } = await show();
    await fetch(`${url}/list`);
    await fetch(`${url}/fails`);
    const rows = page.locator('.list tbody tr:visible');
    await page.getByRole('button', { name: 'GET /fails' }).waitFor();
    expect(await rows.count()).toBe(2);
    await page.getByRole('searchbox').fill('get 500');
    expect(await rows.allInnerTexts()).toEqual([expect.stringContaining('/fails')]);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.locator('.list tbody tr').first().waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('lists the routes, and sets faults', async () => {
    const { url } = await show();
    await page.getByRole('link', { name: 'Routes' }).click();
    await page.getByRole('row', { name: '/list' }).waitFor();
    expect(await page.getByRole('row', { name: '/hotels/:id' }).innerText()).toContain(
      'answered from a schema',
    );
    await page.getByRole('link', { name: 'Faults' }).click();
    await page
      .getByLabel('Rules as JSON')
      .fill('[{ "route": "/list", "fault": { "status": 503 } }]');
    await page.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('row', { name: '{"status":503}' }).waitFor();
    expect((await fetch(`${url}/list`)).status).toBe(503);
    expect(complaints).toEqual([]);
    await page.getByLabel('Rules as JSON').fill('[{}]');
    await page.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('alert').getByText('fault rule 0 needs a fault').waitFor();
    expect(await page.locator('#connection').innerText()).toBe('Live');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('0 rules').waitFor();
    expect(await page.locator('#problem').textContent()).toBe('');
  });

  test('looks at counts anew as requests come, and leaves what is being written', async () => {
    const { url } = await show();
    await page.getByRole('link', { name: 'Routes' }).click();
    await page.getByRole('row', { name: '/list' }).waitFor();
    await fetch(`${url}/list`);
    await page.getByRole('row', { name: /\/list\s+1\s+200/ }).waitFor();
    await page.getByRole('link', { name: 'Faults' }).click();
    await page.getByText('0 rules').waitFor();
    await page.getByLabel('Rules as JSON').fill('[');
    await fetch(`${url}/devtools/api/faults`, {
      method: 'PUT',
      body: '{ "faults": [{ "fault": { "status": 418 } }] }',
    });
    await fetch(`${url}/list`);
    await page.getByRole('row', { name: /"status":418.* 1 1$/ }).waitFor();
    expect(await page.getByLabel('Rules as JSON').inputValue()).toBe('[');
    expect(complaints).toEqual([]);
  });

  test('misses nothing that ends while the list is on its way', async () => {
    const { url, newest } = await show();
    let answer: () => void = () => undefined;
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    let taken: () => void = () => undefined;
    const isTaken = new Promise<void>((resolve) => (taken = resolve));
    await page.route('**/api/exchanges', async (route) => {
      const response = await route.fetch();
      taken();
      await mayAnswer;
      await route.fulfill({ response });
    });
    await page.getByRole('link', { name: 'Routes' }).click();
    await page.getByRole('link', { name: 'Exchanges' }).click();
    await isTaken;
    await fetch(`${url}/list`);
    await newest(1);
    const row = page.getByRole('button', { name: 'GET /list' });
    await row.waitFor();
    const settled = page.waitForResponse('**/api/exchanges');
    answer();
    await settled;
    await row.click();
    await page.getByRole('article', { name: 'GET /list' }).waitFor();
    expect(await row.count()).toBe(1);
  });

  test('is used by the keyboard alone', async () => {
    const { url } = await show();
    await fetch(`${url}/list`);
    await page.getByRole('link', { name: 'Routes' }).click();
    await page.getByRole('row', { name: '/list' }).waitFor();
    await page.getByRole('link', { name: 'Skip to what is shown' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('main:focus').waitFor();
    expect(await page.getByRole('row', { name: '/list' }).isVisible()).toBe(true);
    await page.getByRole('link', { name: 'Exchanges' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'GET /list' }).focus();
    await page.keyboard.press('Enter');
    const replay = page.getByRole('button', { name: 'Replay', exact: true });
    await replay.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Replayed: the same').waitFor();
    await page.locator('button:focus', { hasText: 'Replay' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('leads to the exchange on a phone, whose width holds it all', async () => {
    const { url, newest } = await show(undefined, { viewport: { width: 360, height: 640 } });
    for (let at = 0; at < 30; at++) await fetch(`${url}/list?a-long-name-of-a-filter=${at}`);
    await newest(30);
    await page.getByRole('button', { name: 'filter=29' }).click();
    const exchange = page.getByRole('article');
    await exchange.waitFor();
    const { y } = (await exchange.boundingBox())!;
    expect({ y, isInView: y >= 0 && y < 320 }).toMatchObject({ isInView: true });
    for (const view of ['Routes', 'Faults', 'Exchanges']) {
      await page.getByRole('link', { name: view }).click();
      await page.locator('.views a[aria-current]', { hasText: view }).waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    }
  });

  test('lets nothing in that is not its own', async () => {
    const { url } = await show();
    const answer = await fetch(`${url}/devtools`);
    const policy = answer.headers.get('content-security-policy')!;
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'nonce-[\w+/=]{24}'; style-src 'nonce-/,
    );
    expect((await fetch(`${url}/devtools`)).headers.get('content-security-policy')).not.toBe(
      policy,
    );
    expect((await fetch(`${url}/devtools/`)).url).toBe(`${url}/devtools`);
    expect((await fetch(`${url}/devtools/page/nothing.js`)).status).toBe(404);
    expect((await fetch(`${url}/devtools/page/..%2Fpackage.json`)).status).toBe(404);
  });
});
