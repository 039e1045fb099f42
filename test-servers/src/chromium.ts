/** Debian's Chromium, driven by playwright-core, for tests that look at the page as its user does. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

import { missing } from './missing.ts';

export type { Page } from 'playwright-core';

/** Tests in a browser. A missing one is an error in CI, and one line on a laptop. */
export function withChromium(what: string, define: (launch: () => Promise<Browser>) => void): void {
  if (findChromium() === undefined) missing('Chromium', what);
  else define(launchChromium);
}

/** @throws Error where there is none on the PATH */
export async function launchChromium(): Promise<Browser> {
  const binary = findChromium();
  if (binary === undefined) throw new Error('no chromium on the PATH');
  return chromium.launch({ executablePath: binary, args: [...FLAGS] });
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
