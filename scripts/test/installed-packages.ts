/**
 * What this repository has installed from elsewhere, as a registry would serve it, so that a test
 * can install a package with its dependencies and ask nobody outside the machine.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { readManifest, type Manifest } from '../workspace.ts';

const STORE = resolve(__dirname, '../../node_modules/.pnpm');

export interface InstalledPackage {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every installed version of the package `name`; none, if it is not installed. */
export function installedVersions(name: string): InstalledPackage[] {
  // pnpm keeps `@a/b` of 1.2.3 in `@a+b@1.2.3`, with its peers behind that.
  const prefix = `${name.replace('/', '+')}@`;
  const versions = new Map<string, InstalledPackage>();
  for (const entry of readdirSync(STORE)) {
    const folder = join(STORE, entry, 'node_modules', name);
    if (!entry.startsWith(prefix) || !existsSync(join(folder, 'package.json'))) continue;
    const manifest = readManifest(folder);
    versions.set(manifest.version, { folder, manifest });
  }
  return [...versions.values()];
}

/** npm takes a tarball with any one folder at its top. */
export async function tarballOf({ folder }: InstalledPackage): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(
    'tar',
    ['-czf', '-', '-C', dirname(folder), basename(folder)],
    { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 },
  );
  return stdout;
}
