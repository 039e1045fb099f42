/**
 * `pnpm picture`: the dashboard of the reference app under traffic, as it stands in the README. A
 * drawing rather than a photograph: the page's own elements and styles in an SVG, which stays sharp,
 * small and readable as text.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

import { launchChromium, type Page } from '../test-servers/src/chromium.ts';

const FILE = new URL('../docs/dashboard.svg', import.meta.url);
const WIDTH = 1280;
const HEIGHT = 900;
/** How long there is traffic before the picture is taken. */
const TRAFFIC_MS = 120_000;
/** Requests at a time, and the longest that each rests between two. */
const CLIENTS = 6;
const REST_MS = 100;

const COUNTRIES = ['NZ', 'GR', 'FR', 'DE', 'IT', 'ES'];
const upTo = (end: number): number => Math.floor(Math.random() * end);
const PATHS: readonly (() => string)[] = [
  () => `/api/cities?limit=20&minPopulation=${15_000 + 1000 * upTo(30)}`,
  () => `/api/cities?include=country&limit=10&sort=-population&minPopulation=${1000 * upTo(90)}`,
  () => `/api/countries/${COUNTRIES[upTo(COUNTRIES.length)]}`,
  () => '/api/countries',
];

const app = spawn(
  process.execPath,
  ['--import', 'tsx', '--conditions=@org/source', 'apps/reference/src/index.ts'],
  {
    env: { ...process.env, PORT: '0', DATA_DIR: ':memory:', RATE_LIMIT_MAX: '1000000' },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
try {
  const url = await addressOf();
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT } });
  await page.goto(`${url}/dashboard`);
  await traffic(url);
  writeFileSync(FILE, await drawing(page));
  await browser.close();
} finally {
  app.kill('SIGKILL');
}

async function addressOf(): Promise<string> {
  for await (const line of createInterface(app.stdout)) {
    const [, url] = /^places and trips: (\S+)/.exec(line) ?? [];
    if (url === undefined) continue;
    app.stdout.resume();
    return url;
  }
  await once(app, 'exit');
  throw new Error('the reference app did not start');
}

async function traffic(url: string): Promise<void> {
  const untilMs = performance.now() + TRAFFIC_MS;
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      // oxlint-disable-next-line no-await-in-loop -- one request after the other
      await (await fetch(url + PATHS[upTo(PATHS.length)]!())).arrayBuffer();
      // oxlint-disable-next-line no-await-in-loop
      await wait(upTo(REST_MS));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** The page as it is at this moment, in a light theme whoever looks at it. */
async function drawing(page: Page): Promise<string> {
  // It is of the browser's world, whose types are not ours.
  const module = (await import(new URL('picture-page.js', import.meta.url).href)) as {
    pictureOf(height: number): { readonly styles: string; readonly body: string };
  };
  const { styles, body } = await page.evaluate(module.pictureOf, HEIGHT);
  const size = `width="${WIDTH}" height="${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${WIDTH} ${HEIGHT}" data-theme="light">
<style><![CDATA[
${styles}
]]></style>
<foreignObject ${size}>${body}</foreignObject>
</svg>
`;
}
