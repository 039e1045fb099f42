/**
 * Where values come from, weakest first: a file, `.env`, the environment, code.
 * Reading never throws for what is in a file: it says what is wrong with it, so
 * that all problems of a configuration can be told at once.
 */
import { existsSync, readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';

import { ConfigError, type ConfigProblem } from './config-error.ts';

/** A place where values are given. */
export type LayerName = 'default' | 'file' | 'dotenv' | 'environment' | 'code';

/** Where a value came from. */
export interface Origin {
  readonly layer: LayerName;
  /** Of the file, for `file` and `dotenv`. */
  readonly path?: string;
}

/** A configuration file that has been read. */
export interface ConfigFile {
  readonly path: string;
  /** Values by environment name, as text or in their own types. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** One place and what it says. */
export interface Layer {
  readonly origin: Origin;
  readonly values: Readonly<Record<string, unknown>>;
}

/** An origin as people read it. */
export function originText({ layer, path }: Origin): string {
  return path ?? layer;
}

/**
 * Reads a configuration file: JSON, or a module (`.mjs`) whose default export is the values.
 * `loadConfig` takes the result, and reads JSON by itself.
 * @throws ConfigError if it cannot be read or is no object
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  if (extname(path) !== '.mjs' && extname(path) !== '.js') {
    const problems: ConfigProblem[] = [];
    const layer = readJson(path, problems);
    if (layer === undefined) throw new ConfigError(problems);
    return { path, values: layer.values };
  }
  let values: unknown;
  try {
    ({ default: values } = (await import(pathToFileURL(resolve(path)).href)) as {
      default: unknown;
    });
  } catch (error) {
    // A module that is not found may be one that the file itself imports.
    const reason = existsSync(path) && error instanceof Error ? error.message : reasonOf(error);
    throw new ConfigError([fileProblem('file', path, `cannot be loaded: ${reason}`)]);
  }
  if (!isValues(values)) {
    throw new ConfigError([
      fileProblem('file', path, 'must have an object of settings as its default export'),
    ]);
  }
  return { path, values };
}

/** The layer of a configuration file. */
export function fileLayer(
  file: string | ConfigFile | undefined,
  problems: ConfigProblem[],
): Layer | undefined {
  if (file === undefined) return undefined;
  if (typeof file !== 'string') {
    return { origin: Object.freeze({ layer: 'file', path: file.path }), values: file.values };
  }
  if (extname(file) !== '.mjs' && extname(file) !== '.js') return readJson(file, problems);
  problems.push(
    fileProblem(
      'file',
      file,
      `is a module, which takes an import: loadConfig({ file: await readConfigFile(${JSON.stringify(file)}) })`,
    ),
  );
  return undefined;
}

/** The layer of a `.env` file; without a path, the one in the working folder, if there is one. */
export function dotenvLayer(
  dotenv: string | false | undefined,
  problems: ConfigProblem[],
): Layer | undefined {
  const path = dotenv ?? '.env';
  if (path === false || (dotenv === undefined && !existsSync(path))) return undefined;
  try {
    return {
      origin: Object.freeze({ layer: 'dotenv', path }),
      values: parseEnv(readFileSync(path, 'utf8')),
    };
  } catch (error) {
    problems.push(fileProblem('dotenv', path, `cannot be read: ${reasonOf(error)}`));
    return undefined;
  }
}

function readJson(path: string, problems: ConfigProblem[]): Layer | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    problems.push(fileProblem('file', path, `cannot be read: ${reasonOf(error)}`));
    return undefined;
  }
  try {
    const values: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (isValues(values)) return { origin: Object.freeze({ layer: 'file', path }), values };
    problems.push(fileProblem('file', path, 'must be an object of settings'));
  } catch (error) {
    problems.push(fileProblem('file', path, `is no valid JSON${placeOf(error, text)}`));
  }
  return undefined;
}

/** The parser's own message quotes the text, which may hold secrets; only the place is taken from it. */
function placeOf(error: unknown, text: string): string {
  const position = /at position (\d+)/.exec(String(error))?.[1];
  if (position === undefined) return '';
  const before = text.slice(0, Number(position)).split('\n');
  return ` at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ERR_MODULE_NOT_FOUND') return 'there is no such file';
  return code === 'EISDIR' ? 'it is a folder' : error.message;
}

function isValues(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fileProblem(name: string, path: string, what: string): ConfigProblem {
  return { name, source: path, message: `${name} ${path} ${what}.` };
}
