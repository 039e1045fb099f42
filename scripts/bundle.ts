/**
 * How a package becomes JavaScript: the one place that says so. A package's own tsup.config.ts
 * and the root's, which builds them all in one process, both call this.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'tsup';

interface Manifest {
  readonly exports: Record<string, string | { readonly import: { readonly default: string } }>;
  readonly bin?: Record<string, string>;
}

/** The builds of the package in `folder`; the entries are what its manifest exports. */
export function bundle(folder: string): Options[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const library = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [] : [target.import.default],
  );
  const commands = Object.values(manifest.bin ?? {});
  const common: Options = {
    name: folder,
    outDir: join(folder, 'dist'),
    target: 'node20',
    platform: 'node',
    // Two entries of one package share one copy of their common code, in CommonJS as well.
    splitting: true,
    // tsc writes the declarations of all packages in two seconds; tsup would take minutes.
    dts: false,
    // scripts/clean.mjs has done it; here, one format's clean would remove the other's output.
    clean: false,
    removeNodeProtocol: false,
    skipNodeModulesBundle: true,
    tsconfig: join(folder, 'tsconfig.json'),
    silent: true,
  };
  return [
    { ...common, format: 'esm', entry: sources(folder, [...library, ...commands]) },
    // CommonJS has no import.meta: the shim gives it what asks for its URL.
    { ...common, format: 'cjs', shims: true, entry: sources(folder, library) },
  ];
}

/** `./dist/x.js` is built from `src/x.ts`: one rule, so that no package lists its entries twice. */
function sources(folder: string, outputs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    outputs.map((output) => {
      const stem = output.replace(/^\.\/dist\//, '').replace(/\.js$/, '');
      return [stem, join(folder, 'src', `${stem}.ts`)];
    }),
  );
}
