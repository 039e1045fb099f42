/** Debian's Chromium, driven by playwright-core, for tests that look at the page as its user does. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

import { missing } from './missing.ts';

/** Tests in a browser. A missing one is an error in CI, and one line on a laptop. */
export function withChromium(what: string, define: (launch: () => Promise<Browser>) => void): void {
  const binary = findChromium();
  if (binary === undefined) missing('Chromium', what);
  else define(() => chromium.launch({ executablePath: binary, args: [...FLAGS] }));
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
