/**
 * `pnpm new-package <name> ["One sentence."]`: makes a package that works, from `scripts/template`,
 * to be changed from there. Its manifest follows core's, so that a new package never starts out of
 * step with the others.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { nameFault, namesOf, type PackageNames } from './package-name.ts';
import { run } from './run.ts';
import { scopeOf } from './workspace.ts';

/** Not named as what they become: they are no sources until their placeholders are filled. */
const TEMPLATE = 'scripts/template';
const SUFFIX = '.template';
const CHANGESET = 'changeset.md';
const BUILDS = 'tsconfig.build.json';
const SENTENCE = 'Tells clients in a header how long each answer took.';

try {
  newPackage(process.cwd());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function newPackage(root: string): void {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [name, sentence = SENTENCE, ...others] = positionals;
  if (name === undefined || others.length > 0) {
    throw new Error('usage: pnpm new-package <name> ["One sentence on what it is for."]');
  }
  const templates = templatesOf(root);
  const fault = nameFault(name, readdirSync(join(root, 'packages')), importedBy(templates));
  if (fault !== undefined) throw new Error(fault);
  if (!/^[^\n]+\.$/.test(sentence)) {
    throw new Error(`"${sentence}" is no sentence on one line that ends with a full stop`);
  }

  const folder = `packages/${name}`;
  const names = namesOf(name);
  const files = new Map(
    [...templates].map(([path, text]) => [
      path === CHANGESET ? `.changeset/${name}-first.md` : `${folder}/${filled(path, names)}`,
      filled(text, names).replaceAll('__sentence__', () => sentence),
    ]),
  );
  files.set(`${folder}/package.json`, json(manifestOf(root, name, sentence)));
  files.set(BUILDS, json(buildsWith(root, folder)));
  for (const [path, text] of files) write(root, path, text);
  // Lines break elsewhere in names of other lengths.
  if (existsSync(join(root, 'node_modules/.bin/oxfmt'))) {
    run('node_modules/.bin/oxfmt', [...files.keys()], { cwd: root });
  }
  for (const path of files.keys()) console.log(path);
  console.log(`
${scopeOf(root)}/${name} works as it is. Next:
  pnpm install             links it, and writes it into the lockfile
  pnpm test ${name}
  pnpm typecheck
Then make it yours: docs/adding-a-package.md tells in which order.`);
}

/** Texts by their path in the template, without the suffix. */
function templatesOf(root: string): ReadonlyMap<string, string> {
  const folder = join(root, TEMPLATE);
  return new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(folder, path)).isFile())
      .toSorted()
      .map((path) => [
        path.slice(0, -SUFFIX.length).split(sep).join('/'),
        readFileSync(join(folder, path), 'utf8'),
      ]),
  );
}

/** Every name that the template's code imports: a factory of that name would clash with it. */
function importedBy(templates: ReadonlyMap<string, string>): ReadonlySet<string> {
  const code = [...templates].filter(([path]) => path.endsWith('.ts')).map(([, text]) => text);
  const clauses = code.flatMap((text) => text.match(/^import [^']*(?= from ')/gm) ?? []);
  return new Set(clauses.flatMap((clause) => clause.match(/\w+/g) ?? []));
}

function filled(text: string, { kebab, camel, pascal, constant }: PackageNames): string {
  return text
    .replaceAll('__kebab__', kebab)
    .replaceAll('__camel__', camel)
    .replaceAll('__Pascal__', pascal)
    .replaceAll('__CONSTANT__', constant);
}

/** What all manifests share is taken from core's: licence, repository, exports, scripts, engines. */
function manifestOf(root: string, name: string, sentence: string): object {
  const text = readFileSync(join(root, 'packages/core/package.json'), 'utf8');
  const core = JSON.parse(text.replaceAll('packages/core', `packages/${name}`)) as CoreManifest;
  const scope = scopeOf(root);
  const { '.': main, './package.json': self } = core.exports;
  const { '.': publishedMain, './package.json': publishedSelf } = core.publishConfig.exports;
  return {
    ...core,
    name: `${scope}/${name}`,
    version: '0.0.0',
    description: sentence,
    keywords: ['express', 'express5', 'middleware', name],
    exports: { '.': main, './package.json': self },
    publishConfig: {
      ...core.publishConfig,
      exports: { '.': publishedMain, './package.json': publishedSelf },
    },
    dependencies: { [`${scope}/core`]: 'workspace:^' },
    devDependencies: {
      [`${scope}/setup`]: 'workspace:^',
      '@types/express': 'catalog:',
      express: 'catalog:',
    },
    peerDependencies: { express: core.peerDependencies['express'] },
    // JSON has no undefined: the field goes. Core runs without Express, a middleware does not.
    peerDependenciesMeta: undefined,
  };
}

interface CoreManifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly publishConfig: { readonly exports: Readonly<Record<string, unknown>> };
  readonly peerDependencies: Readonly<Record<string, string>>;
}

function buildsWith(root: string, folder: string): object {
  const builds = JSON.parse(readFileSync(join(root, BUILDS), 'utf8')) as {
    readonly references: readonly { readonly path: string }[];
  };
  return { ...builds, references: [...builds.references, { path: folder }] };
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
