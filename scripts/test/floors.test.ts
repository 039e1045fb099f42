import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { faultsOf, type Fault } from '../floors.ts';
import { importsOf } from '../imports.ts';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'floors-'));
  project('packages/core', '@org/core');
  project('packages/setup', '@org/setup', ['@org/core']);
  project('packages/config', '@org/config', ['@org/core', '@org/cache']);
  project('packages/cache', '@org/cache', ['@org/core', 'lru-cache'], ['fast-check']);
  project('packages/limit', '@org/limit', ['@org/core']);
  project('apps/shop', 'shop', ['@org/cache', '@org/setup']);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe('the floors', () => {
  it('let a package import core, its libraries, itself and what Node has', () => {
    write(
      'packages/cache/src/index.ts',
      `import { a } from '@org/core';
       import { b } from '@org/core/testing';
       import { c } from '@org/cache';
       import { LRUCache } from 'lru-cache';
       import { readFileSync } from 'node:fs';
       export * from './other.ts';`,
    );
    expect(faultsOf(root)).toEqual([]);
  });

  it('let config, apps and the lazy catalogue of setup know the packages', () => {
    write('packages/config/src/index.ts', `import '@org/cache';`);
    write('packages/setup/src/catalogue.ts', `export const cache = () => import('@org/cache');`);
    write('apps/shop/src/index.ts', `import { cache } from '@org/cache';`);
    // What setup loads lazily is an optional peer.
    project('packages/setup', '@org/setup', ['@org/core'], [], ['@org/cache']);
    expect(faultsOf(root)).toEqual([]);
  });

  it.each([
    ['import', `import { x } from '@org/limit';`],
    ['import of a subpath', `import '@org/limit/memory';`],
    ['import type', `import type { X } from '@org/limit';`],
    ['export from', `export { x } from '@org/limit';`],
    ['export all', `export * from '@org/limit';`],
    ['type expression', `export type X = import('@org/limit').X;`],
    ['lazy import', `export const x = () => import('@org/limit');`],
    ['require', `const x = require('@org/limit');`],
    ['require.resolve', `const x = require.resolve('@org/limit');`],
    ['augmentation', `declare module '@org/limit' { interface X {} }`],
    ['template', 'export const x = (name: string) => import(`@org/${name}`);'],
    ['sum', `export const x = (name: string) => import('@org/' + name);`],
  ])('forbid a package to name a sibling by %s', (_form, line) => {
    write('packages/cache/src/deep/file.ts', `\n\n${line}\n`);
    expect(faultsOf(root)).toEqual([
      expect.objectContaining({
        file: 'packages/cache/src/deep/file.ts',
        line: 3,
        why: expect.stringContaining('a package imports @org/core alone'),
      }),
    ]);
  });

  it('forbid core to import anybody', () => {
    write('packages/core/src/index.ts', `import type { X } from '@org/cache';`);
    expect(only().why).toContain('ground floor');
  });

  it('forbid setup a static import, and a lazy one outside its catalogue', () => {
    write('packages/setup/src/catalogue.ts', `import type { X } from '@org/cache';`);
    expect(only().why).toContain('setup depends on @org/core alone');
    write('packages/setup/src/catalogue.ts', '');
    write('packages/setup/src/pipeline.ts', `await import('@org/cache');`);
    expect(only().why).toContain('in its catalogue only');
  });

  it.each(['import', 'export * from', 'import type X from'])(
    'forbid a relative path out of the package (%s)',
    (form) => {
      write('packages/cache/src/index.ts', `${form} '../../limit/src/index.ts';`);
      expect(only()).toEqual({
        file: 'packages/cache/src/index.ts',
        line: 1,
        imported: '../../limit/src/index.ts',
        why: expect.stringContaining('must not leave its package'),
      });
    },
  );

  it('forbid apps, too, to reach into a package by path', () => {
    write('apps/shop/src/index.ts', `import '../../../packages/cache/src/index.ts';`);
    expect(only().why).toContain('must not leave its package');
  });

  it('forbid a sibling among the dependencies, even one that nothing imports', () => {
    project('packages/limit', '@org/limit', ['@org/core', '@org/cache']);
    expect(only()).toMatchObject({ file: 'packages/limit/package.json', imported: '@org/cache' });
  });

  it('forbid at run time what is not installed with the package', () => {
    write(
      'packages/cache/src/index.ts',
      `import type { Arbitrary } from 'fast-check';
       import fc from 'fast-check';
       import express from 'express';`,
    );
    expect(faultsOf(root).map(({ line, why }) => [line, why])).toEqual([
      [2, expect.stringContaining('development dependency')],
      [3, 'express is not a dependency of @org/cache'],
    ]);
  });
});

describe('importsOf', () => {
  it('is not misled by comments, strings and properties', () => {
    const text = `// import 'a'
      /* export * from 'b' */
      const c = "import 'c'"; const d = \`import('d')\`;
      items.import('e'); Promise.resolve('f'); declare namespace G {}
      import { type H, i } from 'h';
      import { type J } from 'j';
      import './k.ts';
      require(name); import(name);`;
    expect(importsOf(text, 'x.ts').map(({ specifier, kind }) => [specifier, kind])).toEqual([
      ['h', 'static'],
      ['j', 'type'],
      ['./k.ts', 'static'],
    ]);
  });
});

function only(): Fault {
  const faults = faultsOf(root);
  expect(faults).toHaveLength(1);
  return faults[0]!;
}

function project(
  folder: string,
  name: string,
  dependencies: string[] = [],
  devDependencies: string[] = [],
  peerDependencies: string[] = [],
): void {
  const any = (names: string[]) => Object.fromEntries(names.map((each) => [each, '*']));
  const manifest = {
    name,
    version: '0.0.0',
    dependencies: any(dependencies),
    devDependencies: any(devDependencies),
    peerDependencies: any(peerDependencies),
  };
  write(`${folder}/package.json`, JSON.stringify(manifest, null, 2));
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
