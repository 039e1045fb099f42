/** Packs what a release would publish, and looks inside. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, runPnpm } from '../run.ts';
import { projectsOf, type Manifest, type Project } from '../workspace.ts';

export interface Tarball {
  readonly project: Project;
  /** The absolute path of the `.tgz`. */
  readonly file: string;
  /** As packed: the publisher has rewritten it. */
  readonly manifest: Manifest;
  /** Paths from the package's folder. */
  readonly files: readonly string[];
}

/** Those that are published, in the order of their folders. */
export function publishedProjects(root: string): Project[] {
  return projectsOf(root).filter(({ manifest }) => manifest.private !== true);
}

/**
 * Packs every published package of `root` into the folder `destination`.
 *
 * @throws {Error} when a package has no build to pack.
 */
export function packAll(root: string, destination: string): Tarball[] {
  const projects = publishedProjects(root);
  for (const { folder } of projects) {
    if (!existsSync(join(root, folder, 'dist'))) {
      throw new Error(`${folder} has no dist: run pnpm build first`);
    }
  }
  runPnpm(['-r', '--filter', './packages/*', 'pack', '--pack-destination', destination], {
    cwd: root,
  });
  return projects.map((project) => {
    const { name, version } = project.manifest;
    const file = join(destination, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
    return {
      project,
      file,
      manifest: JSON.parse(tar('-xOzf', file, 'package/package.json')) as Manifest,
      files: tar('-tzf', file)
        .trim()
        .split('\n')
        .map((path) => path.replace(/^package\//, '')),
    };
  });
}

function tar(mode: string, file: string, ...members: string[]): string {
  return run('tar', [mode, file, ...members], { cwd: '.' });
}
