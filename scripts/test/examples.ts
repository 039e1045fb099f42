/** The ```ts blocks of a README or document, written down as modules that can be compiled and run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const ROOT: string = join(__dirname, '../..');

export interface Example {
  readonly name: string;
  readonly file: string;
}

/**
 * Writes the blocks of `document` into `folder`, and says where they are. Node finds there
 * what a reader would have installed, if the folder is below what has it.
 */
export function writeExamples(document: string, owner: string, folder: string): Example[] {
  const text = existsSync(join(ROOT, document)) ? readFileSync(join(ROOT, document), 'utf8') : '';
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code], at) => {
    const file = join(ROOT, folder, `${owner}-${at + 1}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    // Ports are the reader's; a test takes a free one. The export makes a block with top-level await a module.
    writeFileSync(file, `${code!.replaceAll(/\b3000\b/g, '0')}\nexport {};\n`);
    return { name: `${document} #${at + 1}`, file };
  });
}

/** The environment of an example: as in production, on a free port. */
export function exampleEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', PORT: '0' };
}
