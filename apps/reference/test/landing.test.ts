/** A trip's route as a visitor of the landing page sees it being found. */
import type { Browser, Page } from 'playwright-core';
import { withChromium } from 'test-servers/chromium';

import { pathOf, projection } from '../page/projection.ts';
import { PART, type Service, start } from './service.ts';

/** What has been drawn, frame by frame; kept by the page itself. */
interface Seen {
  readonly way: string;
  readonly now: string;
  readonly ratio: number;
}

/** Keeps what each frame has drawn, and what was said. Runs in the page. */
const WATCH = `
  const way = document.querySelector('#trip-way');
  window.seen = [];
  new MutationObserver(() => {
    const now = document.querySelector('#trip-now').textContent;
    const { value: ratio } = document.querySelector('#trip-progress');
    const d = way.getAttribute('d');
    if (d !== '') window.seen.push({ way: d, now, ratio });
  }).observe(way, { attributes: true });
  const words = document.querySelector('#trip-said');
  window.said = [];
  new MutationObserver(() => void window.said.push(words.textContent)).observe(words, { childList: true });
`;

/** Kilometres as the page writes them. */
const kmIn = (text: string): number => Number(/([\d,]+) km/.exec(text)![1]!.replaceAll(',', ''));

describe('the map of the landing page', () => {
  const fiji = [
    { latitude: -17, longitude: 178 },
    { latitude: -17, longitude: -179 },
    { latitude: -18, longitude: 179 },
  ];

  test('is cut where nothing is, so that the 180th meridian is a place like others', () => {
    const { spots, width } = projection(fiji, 1000);
    expect(spots[0]!.x).toBeLessThan(spots[2]!.x);
    expect(spots[2]!.x).toBeLessThan(spots[1]!.x);
    for (const { x } of spots) expect(x > 0 && x < width).toBe(true);
    expect(spots[2]!.y).toBeGreaterThan(spots[0]!.y);
  });

  test('leads what is shorter round the world out of it and in again', () => {
    const places = [-100, 0, 100].map((longitude) => ({ latitude: 0, longitude }));
    const world = projection(places, 1000);
    expect(pathOf(world, [0, 1, 2]).match(/M/g)).toHaveLength(1);
    expect(pathOf(world, [1, 0, 2]).match(/M/g)).toHaveLength(2);
    expect(pathOf(world, [])).toBe('');
  });

  test('shows one place, and the poles', () => {
    for (const places of [
      [fiji[0]!],
      [
        { latitude: 90, longitude: 0 },
        { latitude: -90, longitude: 90 },
      ],
    ]) {
      const { spots, height, grid } = projection(places, 1000);
      for (const { x, y } of spots) {
        expect(x >= 0 && x <= 1000).toBe(true);
        expect(y >= 0 && y <= height).toBe(true);
      }
      expect(grid).not.toContain('NaN');
      expect(grid.length).toBeLessThan(1000);
    }
  });
});

withChromium('the landing page', (launch) => {
  describe('the landing page', () => {
    let service: Service;
    let browser: Browser;
    const complaints: string[] = [];

    beforeAll(async () => {
      service = await start({ ...PART, MIN_POPULATION: '50000', DATA_DIR: ':memory:' });
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
      await service?.stop();
    });

    async function visit(
      options: Parameters<Browser['newPage']>[0] = {},
      prepare?: (page: Page) => Promise<void>,
    ): Promise<Page> {
      const page = await browser.newPage(options);
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await prepare?.(page);
      await page.goto(service.url);
      await page.locator('#trip-country option[value=NZ]').waitFor({ state: 'attached' });
      await page.evaluate(WATCH);
      return page;
    }

    const said = (page: Page) => page.locator('#trip-said');
    const seenOf = (page: Page) => page.evaluate<Seen[]>('window.seen');

    test('shows a route while it is found, step by step, and how much shorter it is', async () => {
      const page = await visit();
      await page.getByLabel('How many').fill('60');
      await page.getByRole('button', { name: 'Find the way' }).click();
      await said(page).getByText('shorter').waitFor();
      const seen = await seenOf(page);
      expect(seen.length).toBeGreaterThan(5);
      expect(new Set(seen.map(({ way }) => way)).size).toBeGreaterThan(5);
      const lengths = seen.map(({ now }) => kmIn(now));
      expect(lengths).toEqual(lengths.toSorted((one, other) => other - one));
      expect(await page.locator('#trip-places circle').count()).toBe(60);
      expect(await page.evaluate(`document.querySelector('#trip-progress').value`)).toBe(1);
      expect(await page.locator('#trip-steps').innerText()).toBe(String(seen.length));
      const before = kmIn(await page.locator('#trip-before').innerText());
      const now = kmIn(await page.locator('#trip-now').innerText());
      expect(now).toBeLessThan(0.6 * before);
      expect(await said(page).innerText()).toMatch(
        /^60 cities from .+ on: [\d,]+ km as planned, [\d,]+ km as found, \d+% shorter\.$/,
      );
      // The same trace as in the log.
      const [trace] = /[\da-f]{32}$/.exec(await page.locator('#trip-trace').innerText())!;
      while (!service.output().includes(`"msg":"route found"`)) await page.waitForTimeout(20);
      const job = service
        .output()
        .split('\n')
        .find((line) => line.includes('"msg":"route found"'));
      expect(job).toContain(trace);
      await page.close();
    });

    test('works by keyboard, with a country, on a narrow screen, and for those who want no motion', async () => {
      const page = await visit({
        viewport: { width: 360, height: 740 },
        colorScheme: 'dark',
        reducedMotion: 'reduce',
      });
      await page.getByLabel('The largest cities of').focus();
      await page.keyboard.type('New Z');
      await page.keyboard.press('Tab');
      await page.keyboard.type('12');
      await page.keyboard.press('Enter');
      await said(page).getByText('12 cities from Auckland').waitFor();
      // Two frames at most for what came meanwhile, however many steps it was.
      expect((await seenOf(page)).length).toBeLessThanOrEqual(3);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.id')).toBe('trip-go');
      await page.close();
    });

    test('leaves no trip behind, neither when it is done nor when its visitor goes', async () => {
      const ada = { 'x-api-key': 'demo-key-of-ada' };
      const trips = async () => (await service.get('/api/trips', ada)).body.items.length;
      const page = await visit();
      // Nobody answers this, so that it is not done.
      await page.route('**/api/trips/*/route', () => undefined);
      await page.getByRole('button', { name: 'Find the way' }).click();
      await said(page).getByText('Finding the way').waitFor();
      expect(await trips()).toBe(1);
      await page.goto('about:blank');
      while ((await trips()) > 0) await page.waitForTimeout(20);
      await page.close();
    });

    test('comes back when the connection breaks, and asks for what it has missed', async () => {
      let connections = 0;
      const page = await visit({}, (made) =>
        made.routeWebSocket('**/live', (socket) => {
          if (++connections === 1) {
            void socket.close();
            return;
          }
          socket.connectToServer().onMessage((text) => {
            const message = JSON.parse(String(text)) as { type: string; data?: { ratio: number } };
            if (message.type !== 'event') socket.send(text);
            else if (message.data?.ratio === 1) {
              // All of its events are lost, the last one too.
              socket.send(JSON.stringify({ ...message, type: 'gap', reason: 'bus' }));
            }
          });
        }),
      );
      await page.getByRole('button', { name: 'Find the way' }).click();
      await said(page).getByText('shorter').waitFor();
      expect(connections).toBe(2);
      expect(await page.evaluate('window.said')).toContain(
        'The live connection broke; trying again …',
      );
      expect(await seenOf(page)).toHaveLength(1);
      await page.close();
    });

    test('breaks no policy, and complains of nothing', () => {
      expect(complaints).toEqual([]);
    });

    test('says in words what goes wrong', async () => {
      const page = await visit();
      const go = page.getByRole('button', { name: 'Find the way' });
      // Of these the test has no cities.
      await page.getByLabel('The largest cities of').selectOption('FR');
      await go.click();
      await said(page).getByText('fewer than three cities of France').waitFor();
      await page.getByLabel('The largest cities of').selectOption('');
      await page.route('**/api/trips', (route) =>
        route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          body: '{"detail":"Come back later."}',
        }),
      );
      await go.click();
      await said(page).getByText('Come back later.').waitFor();
      expect(await said(page).getAttribute('class')).toBe('wrong');
      await page.unroute('**/api/trips');
      await page.route('**/api/trips/*/route', (route) => route.abort());
      await go.click();
      await said(page).getByText('The service does not answer.').waitFor();
      await page.unroute('**/api/trips/*/route');
      await go.click();
      await said(page).getByText('shorter').waitFor();
      expect(await said(page).getAttribute('class')).toBe('');
      await page.close();
    });
  });
});
