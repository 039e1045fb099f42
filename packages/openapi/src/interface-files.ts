/**
 * The files of the page: Swagger UI from the disk of the machine, and a script of ours that starts
 * it. They are read when the page is first asked for, and are named by what is in them, so that a
 * browser may keep them for good.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OptionError } from '@org/core';

/** A file of the page. */
export interface InterfaceFile {
  /** With the digest of the content in it. */
  readonly name: string;
  readonly type: string;
  readonly body: Buffer;
}

/** Every file by what the page calls it. */
export interface InterfaceFiles {
  readonly style: InterfaceFile;
  readonly bundle: InterfaceFile;
  readonly start: InterfaceFile;
  /** By name. */
  readonly byName: ReadonlyMap<string, InterfaceFile>;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** What it shows is beside it on the page; it loads nothing from elsewhere, `validatorUrl` included. */
const START = `(() => {
  const { document: url } = document.currentScript.dataset;
  const { matches } = matchMedia('(prefers-color-scheme: dark)');
  document.documentElement.classList.toggle('dark-mode', matches);
  SwaggerUIBundle({
    url: new URL(url, location.href).href,
    dom_id: '#docs',
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: 'BaseLayout',
  });
})();
`;

/** Where Swagger UI is installed, as `resolve` finds it. @throws OptionError where it is not, with the command that installs it */
export function interfaceFolder(
  resolve: (path: string) => string = createRequire(import.meta.url).resolve,
): string {
  try {
    return dirname(resolve('swagger-ui-dist/package.json'));
  } catch {
    throw new OptionError('openapi', [
      'the page shows Swagger UI, which is not installed. Run: npm install swagger-ui-dist (or set docsPath: false).',
    ]);
  }
}

/** Reads the files, once for all who ask; a failure is not kept. */
export function interfaceFiles(folder: string): () => Promise<InterfaceFiles> {
  let reading: Promise<InterfaceFiles> | undefined;
  return () =>
    (reading ??= read(folder).catch((error: unknown) => {
      reading = undefined;
      throw error;
    }));
}

async function read(folder: string): Promise<InterfaceFiles> {
  const [css, js] = await Promise.all(
    ['swagger-ui.css', 'swagger-ui-bundle.js'].map((name) => readFile(join(folder, name))),
  );
  const style = fileOf('swagger-ui', 'css', 'text/css; charset=utf-8', css!);
  const bundle = fileOf('swagger-ui', 'js', SCRIPT, js!);
  const start = fileOf('start', 'js', SCRIPT, Buffer.from(START));
  return {
    style,
    bundle,
    start,
    byName: new Map([style, bundle, start].map((file) => [file.name, file])),
  };
}

function fileOf(stem: string, ending: string, type: string, body: Buffer): InterfaceFile {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return { name: `${stem}.${digest}.${ending}`, type, body };
}
