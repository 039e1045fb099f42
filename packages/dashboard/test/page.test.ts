/** The page as its user has it: in a browser, by mouse, by keyboard, on a phone. */
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import express, { type Express } from 'express';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

import { type Dashboard, dashboard, type DashboardOptions } from '@org/dashboard';
import { withChromium } from 'test-servers/chromium';
import { everything, standIn, wholeOf } from './stand-ins.ts';

withChromium('the page of the dashboard', (launch) => {
  let browser: Browser;
  const clean: (() => Promise<unknown> | void)[] = [];

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const step of clean.splice(0).toReversed()) await step();
  });

  interface Shown {
    readonly page: Page;
    readonly made: Dashboard;
    readonly host: ReturnType<typeof wholeOf>;
    readonly clock: FakeClock;
    readonly served: Served;
    readonly app: Express;
    /** What the browser complained of; nothing that we let pass. */
    readonly complaints: string[];
  }

  async function show(
    options: Partial<DashboardOptions> = {},
    {
      components = everything(() => requests),
      context = {},
      isOutside = false,
      before = () => undefined,
    }: {
      components?: ReturnType<typeof everything>;
      context?: BrowserContextOptions;
      isOutside?: boolean;
      /** What happens before anybody looks. */
      before?: (made: Dashboard, clock: FakeClock) => void;
    } = {},
  ): Promise<Shown> {
    const clock = fakeClock();
    const made = dashboard({ clock, title: 'Places and trips', ...options });
    const host = wholeOf(components, () => requests);
    made.attach?.(host);
    before(made, clock);
    const app = express();
    if (isOutside) {
      app.use((req, _res, next) => {
        req.headers['x-forwarded-for'] = '203.0.113.9';
        next();
      });
    }
    app.use(made);
    const served = await serve(app);
    clean.push(() => served.close());
    clean.push(() => made.close());
    const opened = await browser.newContext({ timezoneId: 'UTC', ...context });
    clean.push(() => opened.close());
    const page = await opened.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${served.url}/dashboard`);
    return { page, made, host, clock, served, app, complaints };
  }

  let requests = 10_000;
  beforeEach(() => {
    requests = 10_000;
  });

  /** The value of a fact on the page. */
  const fact = (page: Page, panel: string, label: string) =>
    page.locator(`#${panel} .facts > div`, { hasText: label }).locator('dd > span').last();

  test('shows every panel, with a chart, a table or facts in each, and nothing to complain of', async () => {
    const { page, complaints } = await show();
    const titles = page.locator('#panels h2');
    await titles.first().waitFor();
    // How busy the loop is depends on the machine.
    const named = (await titles.allInnerTexts()).map((text) =>
      text.replace(/^Event loop\n.*/, 'Event loop').replace('\n', ': '),
    );
    expect(named).toEqual([
      'Overview',
      'Throughput',
      'Latency',
      'Event loop',
      'Pipeline',
      'Errors',
      'Health: critical',
      'Top endpoints',
      'Top consumers',
      'Cache',
      'Queue',
      'Limits and blocks: warning',
      'Circuits: critical',
      'Pools',
      'Sockets',
      'Jobs: warning',
      'Memory',
      'Other components',
    ]);
    expect(await page.locator('.plot canvas').count()).toBe(11);
    // Every chart has its numbers in a table, and every table says what it is.
    expect(await page.locator('.chart table caption').count()).toBe(11);
    expect(await page.locator('table:not(:has(caption))').count()).toBe(0);
    expect(await page.locator('#errors tbody tr').first().innerText()).toContain('01JGFJJZ8C5T6Q');
    expect(await page.locator('#health tbody tr').nth(1).innerText()).toMatch(
      /orders.*failing.*database/,
    );
    expect(await page.title()).toBe('Places and trips');
    expect(complaints).toEqual([]);
  });

  test('moves with every state, and stands still while paused', async () => {
    const { page, clock } = await show();
    const rate = fact(page, 'overview', 'Requests');
    await rate.waitFor();
    const move = async (by: number): Promise<void> => {
      requests += by;
      clock.advance(1000);
    };
    // 91 of 100 pass the edge.
    await move(100);
    await page.getByText('91/s').first().waitFor();
    expect(await rate.innerText()).toBe('91/s');
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await page.locator('#connection').innerText()).toBe('Paused');
    await move(1000);
    // That it has come is seen below, by the most of its line.
    expect(await rate.innerText()).toBe('91/s');
    await page.getByRole('button', { name: 'Resume' }).click();
    await move(200);
    await page.locator('#overview dd', { hasText: '182/s' }).waitFor();
    // What was missed is drawn all the same.
    expect(await page.locator('#throughput tbody tr').first().innerText()).toMatch(
      /182\/s.*910\/s/s,
    );
  });

  test('draws the pipeline in its order, from the end of one to the begin of the next', async () => {
    const { page } = await show();
    const rows = page.locator('#pipeline tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(17);
    const bars = await page.evaluate<{ from: number; p50: number; p95: number }[]>(
      `[...document.querySelectorAll('#pipeline .bars')].map(({ style }) =>
        Object.fromEntries(['from', 'p50', 'p95'].map((name) =>
          [name, parseFloat(style.getPropertyValue('--' + name))])))`,
    );
    let begins = 0;
    for (const { from, p50, p95 } of bars) {
      expect(from).toBeCloseTo(begins, 4);
      expect(p95).toBeGreaterThan(p50);
      expect(from + p95).toBeLessThanOrEqual(100.001);
      begins = from + p50;
    }
    await page.getByLabel('With handlers and sending').check();
    expect(await rows.count()).toBe(19);
    expect(await rows.nth(17).innerText()).toContain('handler');
  });

  test('is used by keyboard alone: skip, choose, pause, look at one moment of a chart', async () => {
    const { page, clock } = await show();
    await page.locator('#overview').waitFor();
    for (const by of [100, 300, 200]) {
      requests += by;
      clock.advance(1000);
      await page.locator('#overview dd', { hasText: `${(by * 91) / 100}/s` }).waitFor();
    }
    await page.keyboard.press('Tab');
    const focused = () => page.locator(':focus');
    expect(await focused().innerText()).toBe('Skip to the panels');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe(
      'solid',
    );
    await page.keyboard.press('Tab');
    expect(await focused().getAttribute('value')).toBe('300000');
    await page.keyboard.press('ArrowLeft');
    expect(await focused().getAttribute('value')).toBe('60000');
    expect(await focused().isChecked()).toBe(true);
    await page.keyboard.press('Tab');
    expect(await focused().innerText()).toBe('Pause');
    await page.keyboard.press('Space');
    expect(await page.locator('#connection').innerText()).toBe('Paused');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await focused().getAttribute('href')).toBe('#overview');
    await page.locator('#throughput .plot').focus();
    const row = page.locator('#throughput .legend tbody tr').first();
    await page.keyboard.press('ArrowLeft');
    expect(await row.locator('td').first().innerText()).toBe('273/s');
    expect(await page.locator('#throughput .legend thead th').nth(1).innerText()).toBe('00:00:02');
    await page.keyboard.press('Escape');
    expect(await row.locator('td').first().innerText()).toBe('182/s');
    await page.keyboard.press('Shift+Tab');
    expect(await focused().count()).toBe(1);
  });

  test('has landmarks, one first heading, names for what is used, and a link to every panel', async () => {
    const { page } = await show();
    await page.locator('#overview').waitFor();
    for (const role of ['banner', 'navigation', 'main'] as const) {
      expect(await page.getByRole(role).count()).toBe(1);
    }
    expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual([
      'Places and trips',
    ]);
    const names = await page.evaluate<string[]>(
      "[...document.querySelectorAll('button, input')].map((one) => one.innerText || one.labels[0].innerText)",
    );
    expect(names).not.toContain('');
    const links = await page.evaluate<string[]>(
      "[...document.querySelectorAll('#index a')].map(({ hash }) => hash)",
    );
    expect(links.length).toBe(18);
    for (const hash of links) expect(await page.locator(hash).count()).toBe(1);
    expect(await page.getByRole('region', { name: 'Circuits', exact: true }).count()).toBe(1);
  });

  test.each([360, 390, 768, 1024, 1440])('has no sideways scroll at %d px', async (width) => {
    const { page, clock } = await show({}, { context: { viewport: { width, height: 800 } } });
    await page.locator('#overview').waitFor();
    requests += 50;
    clock.advance(1000);
    const sideways = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(sideways).toBe(0);
  });

  test.each([360, 1280, 1440])('cuts none of its first numbers off at %d px', async (width) => {
    const degraded = Object.fromEntries(
      Array.from({ length: 12 }, (_, at) => [`check ${at}`, { status: 'warn' }]),
    );
    const components = everything(() => requests).filter(({ name }) => name !== 'health');
    const { page } = await show(
      {},
      {
        components: [...components, standIn('health', { checks: degraded })],
        context: { viewport: { width, height: 800 } },
      },
    );
    await page.locator('#overview dd', { hasText: '12 degraded' }).waitFor();
    const cut = await page.evaluate<string[]>(
      `[...document.querySelectorAll('#overview dd')]
        .filter((dd) => [...dd.children].some((part) =>
          part.getBoundingClientRect().right > dd.parentElement.getBoundingClientRect().right ||
          part.getBoundingClientRect().right > dd.closest('section').getBoundingClientRect().right))
        .map(({ innerText }) => innerText)`,
    );
    expect(cut).toEqual([]);
  });

  test('has means over time, however far apart the samples are', async () => {
    const { page, clock } = await show(
      {},
      {
        before(made, time) {
          made.start();
          time.advance(10_000);
          requests += 1000;
          time.advance(10_000);
        },
      },
    );
    const row = page.locator('#throughput .legend tbody tr').first();
    await row.locator('td', { hasText: '91/s' }).first().waitFor();
    clock.advance(1000);
    await row.locator('td', { hasText: /^0\/s$/ }).waitFor();
    // Ten seconds of 91 a second, and one of none.
    expect(await row.locator('td').nth(1).innerText()).toBe('82.7/s');
  });

  test('calls its buttons the same on a phone', async () => {
    const { page } = await show({}, { context: { viewport: { width: 360, height: 740 } } });
    await page.locator('#overview').waitFor();
    expect(await page.getByRole('button', { name: 'Theme: system' }).count()).toBe(1);
  });

  test('is light or dark as the system is, or as its user chose, also after a reload', async () => {
    const { page } = await show({}, { context: { colorScheme: 'dark' } });
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await ground()).toBe('rgb(14, 18, 23)');
    const theme = page.locator('#theme');
    await theme.click();
    expect(await theme.innerText()).toBe('Theme: light');
    expect(await ground()).toBe('rgb(244, 245, 247)');
    await page.reload();
    expect(await ground()).toBe('rgb(244, 245, 247)');
    await theme.click();
    await theme.click();
    expect(await theme.innerText()).toBe('Theme: system');
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await ground()).toBe('rgb(244, 245, 247)');
  });

  test('moves nothing for who wants no motion', async () => {
    const { page } = await show({}, { context: { reducedMotion: 'reduce' } });
    await page.locator('#pipeline .bars').first().waitFor();
    const moved = await page.evaluate(
      "getComputedStyle(document.querySelector('.bars'), '::before').transitionDuration",
    );
    expect(moved).toBe('0s');
  });

  test('writes what comes from outside as text, whatever it looks like', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const { page, complaints } = await show(
      { title: evil },
      {
        components: [
          standIn('errors', { recent: [{ at: 0, id: evil, route: evil, method: evil }] }),
          standIn(evil, { [evil]: evil }),
        ],
      },
    );
    const cell = page.locator('#errors tbody td').nth(1);
    await cell.waitFor();
    expect(await cell.innerText()).toBe(evil);
    expect(await page.locator('#others caption').innerText()).toBe(evil);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe(evil);
    expect(complaints).toEqual([]);
  });

  test('keeps quiet and readable where there is nothing, and where there is much', async () => {
    const empty = await show({}, { components: [] });
    await empty.page.getByText('No component is known here').waitFor();
    expect(empty.complaints).toEqual([]);
    const endpoints = Array.from({ length: 300 }, (_, at) => ({
      method: 'GET',
      route: `/api/${'long-'.repeat(12)}${at}/:id`,
      count: at,
    }));
    const much = await show({}, { components: [standIn('analytics', { endpoints })] });
    await much.page.getByText('and 280 more').waitFor();
    expect(await much.page.locator('#endpoints tbody tr').count()).toBe(20);
  });

  test('says that the connection is lost, and goes on by itself when the service is back', async () => {
    const { page, served, app, clock } = await show();
    await page.locator('#overview').waitFor();
    requests += 100;
    clock.advance(1000);
    await page.getByText('91/s').first().waitFor();
    await served.close();
    await page.locator('#connection[data-state=lost]').waitFor();
    expect(await page.locator('#connection').innerText()).toBe('Connection lost, trying again');
    // The numbers of before are still there to be looked at.
    expect(await fact(page, 'overview', 'Requests').innerText()).toBe('91/s');
    await new Promise<void>((resolve) => {
      const again = app.listen(served.port, '127.0.0.1', () => resolve());
      clean.push(
        () =>
          new Promise<void>((closed) => {
            again.close(() => closed());
            again.closeAllConnections();
          }),
      );
    });
    await page.locator('#connection[data-state=live]').waitFor();
  });

  test('says that the service goes as long as it lets nobody in, whoever asks meanwhile', async () => {
    const { page, host } = await show();
    await page.locator('#connection[data-state=live]').waitFor();
    host.drain();
    await page.getByText('The service is restarting').waitFor();
    // The browser comes back after its pause, and is refused: there is no place, but not for tabs.
    await page.waitForResponse((answer) => answer.request().method() === 'HEAD');
    expect(await page.locator('#connection').innerText()).toBe('The service is restarting');
  });

  test('says that the service goes, and that there is no place for another tab', async () => {
    const { page, made, served } = await show({ maxTabs: 1 });
    await page.locator('#connection[data-state=live]').waitFor();
    const second = await page.context().newPage();
    await second.goto(`${served.url}/dashboard`);
    await second.getByText('No place for another tab, trying again').waitFor();
    expect(made.stats()['tabs']).toBe(1);
    made.close();
    await page.getByText('The service is restarting').waitFor();
  });

  test('leaves its place while nobody looks, and comes back when somebody does', async () => {
    const { page, made } = await show();
    await page.locator('#connection[data-state=live]').waitFor();
    await page.clock.install();
    const see = (isHidden: boolean) =>
      page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
         document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await see(true);
    await page.clock.runFor(59_000);
    expect(made.stats()['tabs']).toBe(1);
    await page.clock.runFor(1000);
    await page.getByText('Asleep while nobody looks').waitFor();
    while (made.stats()['tabs'] !== 0) await page.waitForTimeout(20);
    await see(false);
    await page.locator('#connection[data-state=live]').waitFor();
    expect(made.stats()['tabs']).toBe(1);
  });

  test('signs in by the token, and out again', async () => {
    const access = 'a-token-of-some-length';
    const { page, complaints } = await show({ access }, { isOutside: true });
    const token = page.getByLabel('Monitoring token');
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type('not-the-token-at-all');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the token.').waitFor();
    await token.fill(access);
    await page.keyboard.press('Enter');
    await page.locator('#overview').waitFor();
    expect(page.url()).not.toContain(access);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/dashboard' });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Monitoring token').waitFor();
    // Two refusals that were meant: the form's own status, and the wrong token's.
    expect(complaints.every((text) => text.includes('403'))).toBe(true);
  });
});
