/** What an operator sees of the running service, in a browser, while it is used. */
import type { Browser, Page } from 'playwright-core';

import { withChromium } from 'test-servers/chromium';
import { PART, type Service, start } from './service.ts';

withChromium('the dashboard of the service', (launch) => {
  describe('the dashboard of the service', () => {
    let service: Service;
    let browser: Browser;
    let page: Page;
    const complaints: string[] = [];

    beforeAll(async () => {
      service = await start({ ...PART, MIN_POPULATION: '500000', DATA_DIR: ':memory:' });
      browser = await launch();
      page = await browser.newPage();
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
    });
    afterAll(async () => {
      await browser?.close();
      await service?.stop();
    });

    test('is linked from the landing page, and moves with the requests that are made', async () => {
      await page.goto(service.url);
      await page.getByRole('link', { name: 'Dashboard' }).click();
      await page.getByRole('heading', { name: 'Places and trips', level: 1 }).waitFor();
      await page.locator('#connection[data-state=live]').waitFor();
      const seen = page.locator('#pipeline tbody tr', { hasText: 'logging' }).locator('td').nth(1);
      const before = Number(await seen.innerText());
      for (let at = 0; at < 20; at++) await service.get(`/api/cities?limit=${(at % 4) + 1}`);
      await service.get('/api/nowhere');
      while (Number(await seen.innerText()) < before + 21) await page.waitForTimeout(50);
      // Sixteen of the twenty were known to the cache.
      const hits = page.locator('#cache tbody tr', { hasText: 'Hit' }).locator('td').last();
      expect(Number(await hits.innerText())).toBeGreaterThanOrEqual(16);
    });

    test('has a panel for what the service runs with, and the order of its pipeline', async () => {
      const ids = await page.evaluate<string[]>(
        "[...document.querySelectorAll('#panels > section')].map(({ id }) => id)",
      );
      expect(ids).toEqual(
        expect.arrayContaining([
          'overview',
          'throughput',
          'pipeline',
          'errors',
          'health',
          'cache',
          'queue',
          'limits',
          'circuits',
        ]),
      );
      const { body } = await service.get('/api/middleware/pipeline');
      const names = (body['pipeline'] as { name: string; state: string }[])
        .filter(({ state }) => state === 'on')
        .map(({ name }) => name);
      const shown = await page.locator('#pipeline tbody th').allInnerTexts();
      expect(shown.filter((name) => names.includes(name))).toEqual(names);
    });

    test('breaks no policy, and complains of nothing', () => {
      expect(complaints).toEqual([]);
    });
  });
});
