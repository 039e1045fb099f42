/**
 * Copies each declaration `x.d.ts` to `x.d.cts`, with its relative specifiers led to the copies.
 * A CommonJS consumer needs them: an `.d.ts` in a package of type "module" describes an ES module.
 * Run in a package it does that package; run at the root, all of them.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RELATIVE = /((?:from|import|module)\s*\(?\s*)(['"])(\.{1,2}\/[^'"]*?)\.(?:ts|js)\2/g;

const folders = existsSync('packages')
  ? readdirSync('packages').map((name) => join('packages', name, 'dist'))
  : ['dist'];

for (const folder of folders) {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const declaration = readFileSync(join(folder, file), 'utf8');
    // tsc keeps the sources' `.ts` in declarations; only `.js` means the same to every TypeScript.
    writeFileSync(join(folder, file), declaration.replace(RELATIVE, '$1$2$3.js$2'));
    writeFileSync(
      join(folder, file.replace(/\.d\.ts$/, '.d.cts')),
      declaration.replace(RELATIVE, '$1$2$3.cjs$2'),
    );
  }
}
