/** Looks at a tarball without installing it: its contents, its manifest and its types. */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { problemAffectsResolutionKind, problemKindInfo } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import type { Check } from './check.ts';
import type { Tarball } from './tarball.ts';

export async function inspect(tarball: Tarball, scope: string): Promise<Check[]> {
  const { name } = tarball.manifest;
  return [
    { what: `${name}: contents`, faults: contentFaults(tarball, scope) },
    { what: `${name}: publint`, faults: await publintFaults(tarball) },
    { what: `${name}: types`, faults: await typeFaults(tarball) },
  ];
}

/** A user gets the build, a page where there is one, a README and the license; never sources, nor what only we can resolve. */
function contentFaults({ files, manifest }: Tarball, scope: string): string[] {
  const missing = ['README.md', 'LICENSE'].filter((file) => !files.includes(file));
  const empty = (manifest.files ?? []).filter(
    (entry) => !entry.startsWith('!') && !files.some((file) => matchesGlob(file, entry)),
  );
  const alien = files.filter(
    (file) =>
      !/^(?:dist\/.+\.(?:c?js|d\.c?ts)|page\/.+\.(?:js|css)|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/.test(
        file,
      ),
  );
  const text = JSON.stringify(manifest);
  const ours = ['workspace:', 'catalog:', `${scope}/source`].filter((word) => text.includes(word));
  return [
    ...missing.map((file) => `${file} is missing`),
    ...empty.map((entry) => `nothing is in it for "${entry}" of its "files"`),
    ...alien.map((file) => `${file} should not be in it`),
    ...ours.map(
      (word) => `its manifest says "${word}", which means nothing outside the repository`,
    ),
  ];
}

/** Whether `entry` of "files", a folder or a name with one `*`, stands for `file`. */
function matchesGlob(file: string, entry: string): boolean {
  const [before = '', after] = entry.split('*');
  return after === undefined
    ? file === entry || file.startsWith(`${entry}/`)
    : file.startsWith(before) && file.endsWith(after);
}

async function publintFaults({ file }: Tarball): Promise<string[]> {
  const bytes = readFileSync(file);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball } });
  return messages.map(
    (message) => `${message.type}: ${formatMessage(message, pkg) ?? message.code}`,
  );
}

/** TypeScript's resolution before Node 12 is left out: it cannot read `exports`. */
const RESOLUTIONS = ['node16-cjs', 'node16-esm', 'bundler'] as const;

async function typeFaults({ file }: Tarball): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(file)));
  if (analysis.types === false) return ['it has no types'];
  return analysis.problems
    .filter((problem) =>
      RESOLUTIONS.some((kind) => problemAffectsResolutionKind(problem, kind, analysis)),
    )
    .map(
      (problem) => `${problemKindInfo[problem.kind].shortDescription} ${JSON.stringify(problem)}`,
    );
}
