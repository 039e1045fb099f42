/**
 * Throw-away projects that use the packed packages as a stranger would: an ES module, a CommonJS
 * module, and TypeScript of both kinds. They share one installation, made of the tarballs.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runPnpm } from '../run.ts';
import { type Manifest, readManifest } from '../workspace.ts';
import { attempt, type Check } from './check.ts';
import type { Tarball } from './tarball.ts';

/** Installs the tarballs into `folder`, and runs each project there. */
export function consume(tarballs: readonly Tarball[], folder: string, root: string): Check[] {
  const installed = attempt('all packages install together', () => {
    install(tarballs, folder, root);
  });
  if (installed.faults.length > 0) return [installed];
  const entries = tarballs.flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {})
      .filter((path) => path !== './package.json')
      .map((path) => `${manifest.name}${path.slice(1)}`),
  );
  return [
    installed,
    ...entries.map((entry) =>
      attempt(`${entry}: the same by import and by require`, () => {
        sameNames(entry, folder);
      }),
    ),
    ...[false, true].flatMap((skipLibCheck) =>
      ['tsc', 'tsc6'].map((compiler) =>
        attempt(`TypeScript, ${compiler}, skipLibCheck ${skipLibCheck}`, () => {
          compile(entries, { folder, root, compiler, skipLibCheck });
        }),
      ),
    ),
  ];
}

function install(tarballs: readonly Tarball[], folder: string, root: string): void {
  const files = Object.fromEntries(
    tarballs.map(({ manifest, file }) => [manifest.name, `file:${file}`]),
  );
  const peers = tarballs.flatMap(({ project, manifest }) =>
    peersOf(manifest).map(
      (name) => [name, installedVersion(name, [join(root, project.folder), root])] as const,
    ),
  );
  // Types that a TypeScript user of Express has; @types/express is not ours to install for him.
  const types = ['@types/node', '@types/express'].map(
    (name) => [name, installedVersion(name, [root, join(root, 'packages/core')])] as const,
  );
  mkdirSync(folder, { recursive: true });
  writeJson(join(folder, 'package.json'), {
    private: true,
    dependencies: { ...files, ...Object.fromEntries(peers), ...Object.fromEntries(types) },
  });
  // JSON is YAML. Overrides lead the packages' dependencies on each other to the tarballs, and
  // without hoisting a package finds its declared dependencies and nothing else.
  writeJson(join(folder, 'pnpm-workspace.yaml'), {
    packages: ['.'],
    overrides: files,
    hoist: false,
    autoInstallPeers: false,
    strictPeerDependencies: true,
  });
  runPnpm(['install', '--prefer-offline', '--ignore-scripts'], { cwd: folder });
}

/**
 * What a package cannot do without. An entry that is named for an optional peer, such as `./kysely`,
 * is for those who have it, and its types are theirs.
 */
function peersOf({
  exports = {},
  peerDependencies = {},
  peerDependenciesMeta = {},
}: Manifest): string[] {
  const names = Object.keys(peerDependencies);
  const optional = names.filter((name) => peerDependenciesMeta[name]?.optional === true);
  const entries = Object.keys(exports).map((entry) => entry.replace('./', ''));
  const isNamed = optional.some((peer) =>
    entries.some((entry) => peer === entry || peer.startsWith(`${entry}-`)),
  );
  const needed = isNamed ? names : names.filter((name) => !optional.includes(name));
  return needed.includes('pg') ? [...needed, '@types/pg'] : needed;
}

function installedVersion(name: string, folders: readonly string[]): string {
  const found = folders
    .map((folder) => join(folder, 'node_modules', name))
    .find((folder) => existsSync(folder));
  if (found === undefined) throw new Error(`${name} is not installed in ${folders.join(' or ')}`);
  return readManifest(found).version;
}

/** Loads an entry both ways; it must export the same names, and let the process end. */
function sameNames(entry: string, folder: string): void {
  const names = "Object.keys(entry).filter((name) => name !== 'default').sort().join()";
  const evaluate = (type: string, text: string): string =>
    run('node', [`--input-type=${type}`, '--eval', text], { cwd: folder }).trim();
  const imported = evaluate('module', `import * as entry from '${entry}'; console.log(${names});`);
  const required = evaluate(
    'commonjs',
    `const entry = require('${entry}'); console.log(${names});`,
  );
  if (imported === '') throw new Error('it exports nothing');
  if (imported !== required) {
    throw new Error(`import has ${imported}; require has ${required}`);
  }
}

interface Compilation {
  readonly folder: string;
  readonly root: string;
  readonly compiler: string;
  readonly skipLibCheck: boolean;
}

/** Compiles, as a user's project would be, and runs what comes out. */
function compile(entries: readonly string[], options: Compilation): void {
  const { folder, root, compiler, skipLibCheck } = options;
  const project = join(folder, `${compiler}-${skipLibCheck ? 'skip' : 'check'}`);
  mkdirSync(project);
  const names = entries.map((_entry, index) => `entry${index}`);
  const use = `\nconst entries: object[] = [${names.join(', ')}];\nif (entries.length === 0) throw new Error();\n`;
  const esm = entries.map((entry, index) => `import * as ${names[index]} from '${entry}';`);
  const cjs = entries.map((entry, index) => `import ${names[index]} = require('${entry}');`);
  writeFileSync(join(project, 'esm.mts'), esm.join('\n') + use);
  writeFileSync(join(project, 'cjs.cts'), cjs.join('\n') + use);
  writeJson(join(project, 'tsconfig.json'), {
    compilerOptions: {
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck,
      rootDir: '.',
      outDir: 'out',
    },
  });
  run(join(root, 'node_modules/.bin', compiler), ['-p', '.'], { cwd: project });
  run('node', ['out/esm.mjs'], { cwd: project });
  run('node', ['out/cjs.cjs'], { cwd: project });
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value, null, 2));
}
