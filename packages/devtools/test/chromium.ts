/** Debian's Chromium, driven by playwright-core, for tests that look at the page as its user does. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** Tests in a browser. A missing one is an error in CI, and one line on a laptop. */
export function withChromium(what: string, define: (launch: () => Promise<Browser>) => void): void {
  const binary = findChromium();
  if (binary !== undefined) {
    define(() => chromium.launch({ executablePath: binary, args: [...FLAGS] }));
    return;
  }
  const line = `No chromium on PATH: ${what} is not tested.`;
  if (process.env.CI === undefined) process.stderr.write(`${line}\n`);
  test('Chromium is there to test with, or this is not CI', () => {
    expect(process.env.CI === undefined ? 'a laptop' : line).toBe('a laptop');
  });
}

/** It talks to nobody but the page under test. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
] as const;

function findChromium(): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'chromium'))
    .find((file) => existsSync(file));
}
