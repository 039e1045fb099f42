/**
 * The rule of the three floors: core imports no package of the house, a package imports core
 * alone, and only those on the top floor know the packages. It keeps each package useful alone,
 * and installable alone.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { importsOf, type Import } from './imports.ts';
import { projectsOf, scopeOf, type Project } from './workspace.ts';

export interface Fault {
  /** From the root, with forward slashes. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly imported: string;
  readonly why: string;
}

/** Folders of `packages/` that may know the packages; apps, bench and faults always may. */
const TOP_FLOOR = new Set(['config', 'redis']);

/** Where setup may name packages, lazily: the catalogue of the components it can load. */
const CATALOGUE = /^packages\/setup\/src\/catalogue(?:\.ts$|\/)/;

const SOURCE = /\.[cm]?[jt]sx?$/;

/** Every import, and every dependency, under `root` that breaks the rule. */
export function faultsOf(root: string): Fault[] {
  const house: House = { root, scope: scopeOf(root), projects: projectsOf(root) };
  return house.projects.flatMap((project) => [
    ...manifestFaults(project, house),
    ...sourcesOf(project, root).flatMap((file) => sourceFaults(file, project, house)),
  ]);
}

interface House {
  readonly root: string;
  readonly scope: string;
  readonly projects: readonly Project[];
}

function manifestFaults(project: Project, house: House): Fault[] {
  const file = `${project.folder}/package.json`;
  const lines = readFileSync(join(house.root, file), 'utf8').split('\n');
  return Object.keys(project.manifest.dependencies ?? {}).flatMap((imported) => {
    if (!imported.startsWith(`${house.scope}/`)) return [];
    const why = floorFault(project, imported, 'static', '', house.scope);
    const line = lines.findIndex((text) => text.includes(`"${imported}"`)) + 1;
    return why === undefined ? [] : [{ file, line, imported, why }];
  });
}

function sourcesOf(project: Project, root: string): string[] {
  const folder = join(root, project.folder, 'src');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => SOURCE.test(file))
    .toSorted()
    .map((file) => `${project.folder}/src/${file.split(sep).join('/')}`);
}

function sourceFaults(file: string, project: Project, house: House): Fault[] {
  const text = readFileSync(join(house.root, file), 'utf8');
  return importsOf(text, file).flatMap(({ specifier, line, kind }) => {
    const why = /^[./]/.test(specifier)
      ? pathFault(file, specifier, project, house.root)
      : isBuiltin(specifier)
        ? undefined
        : (floorFault(project, specifier, kind, file, house.scope) ??
          undeclaredFault(project, specifier, kind));
    return why === undefined ? [] : [{ file, line, imported: specifier, why }];
  });
}

/** A path must stay in its own package: what lies beyond is not in the tarball. */
function pathFault(
  file: string,
  specifier: string,
  project: Project,
  root: string,
): string | undefined {
  const target = resolve(root, dirname(file), specifier);
  const fromProject = relative(join(root, project.folder), target);
  const leaves = fromProject === '..' || fromProject.startsWith(`..${sep}`);
  return leaves
    ? 'a relative path must not leave its package; import the other package by its name'
    : undefined;
}

function floorFault(
  project: Project,
  specifier: string,
  kind: Import['kind'],
  file: string,
  scope: string,
): string | undefined {
  if (!specifier.startsWith(`${scope}/`)) return undefined;
  const imported = packageName(specifier);
  const core = `${scope}/core`;
  if (imported === project.manifest.name) return undefined;
  if (!project.folder.startsWith('packages/')) return undefined;
  const name = project.folder.slice('packages/'.length);
  if (name === 'core') return 'core is the ground floor: it imports no package of the house';
  if (imported === core || TOP_FLOOR.has(name)) return undefined;
  if (name !== 'setup') {
    return `a package imports ${core} alone: siblings meet through its contract, not each other`;
  }
  if (kind === 'lazy' && CATALOGUE.test(file)) return undefined;
  return kind === 'lazy'
    ? 'setup imports packages lazily in its catalogue only'
    : `setup depends on ${core} alone: only a lazy import() in its catalogue may name a package`;
}

/** What runs must be installed with the package: a development dependency is not. */
function undeclaredFault(
  project: Project,
  specifier: string,
  kind: Import['kind'],
): string | undefined {
  if (kind === 'type' || kind === 'computed' || specifier.startsWith('#')) return undefined;
  const { name, dependencies, peerDependencies, devDependencies } = project.manifest;
  const imported = packageName(specifier);
  if (imported === name || imported in { ...dependencies, ...peerDependencies }) return undefined;
  return imported in { ...devDependencies }
    ? `${imported} is a development dependency: whoever installs the package does not get it`
    : `${imported} is not a dependency of ${name}`;
}

/** `@a/b/c` and `@a/b` are of package `@a/b`; `a/b` is of `a`. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
