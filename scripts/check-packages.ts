/**
 * `pnpm check-packages`: packs every published package, after `pnpm build`, and tries the tarballs
 * as their users will. Prints a line for each check; fails if one fails.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from './packed/check.ts';
import { consume } from './packed/consumers.ts';
import { inspect } from './packed/inspect.ts';
import { packAll } from './packed/tarball.ts';
import { scopeOf } from './workspace.ts';

const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'packages-'));
try {
  const tarballFolder = join(folder, 'tarballs');
  mkdirSync(tarballFolder);
  const tarballs = packAll(root, tarballFolder);
  const failed = [
    ...(await Promise.all(tarballs.map((tarball) => inspect(tarball, scopeOf(root))))).flat(),
    ...consume(tarballs, join(folder, 'consumer'), root),
  ].filter((check) => report(check));
  if (failed.length > 0) {
    console.error(`${failed.length} checks of the packed packages failed.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Prints the check, and tells whether it failed. */
function report({ what, faults }: Check): boolean {
  console.log(`${faults.length === 0 ? 'ok  ' : 'FAIL'} ${what}`);
  for (const fault of faults) console.log(fault.replace(/^/gm, '       '));
  return faults.length > 0;
}
