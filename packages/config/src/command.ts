/**
 * The command `org-config`: prints the configuration that a service would start
 * with, and says what is wrong with it, without starting anything.
 */
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { KnownComponent } from './components.ts';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';
import type { Settings } from './setting.ts';
import { readConfigFile } from './sources.ts';
import { formatTable } from './table.ts';

/** What the command is run with. */
export interface CommandInput {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const USAGE = `Usage: org-config [options]

Prints every setting with its value and its origin, secrets masked, and checks them all.
Ends with 0 when the configuration is valid, 1 when it is not, 2 for a wrong call.

  --file <path>      a configuration file: JSON, or a module (.mjs) with a default export
  --dotenv <path>    a .env file; by default the one in the working folder, if there is one
  --no-dotenv        read no .env file
  --settings <path>  a module that exports settings of your own as "settings" (and "components")
  --changed          print only what is not a default
  --quiet            print nothing but problems and warnings
  --json             print JSON
  --help             print this`;

/** Runs the command; gives the exit code. */
export async function runCommand({ args, env, out, error }: CommandInput): Promise<0 | 1 | 2> {
  let flags: Flags;
  try {
    flags = parseFlags(args);
  } catch (problem) {
    error(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    out(USAGE);
    return 0;
  }
  try {
    const config = loadConfig({
      env,
      dotenv: flags.dotenv,
      ...(await ownSettings(flags.settings)),
      ...(flags.file === undefined ? {} : { file: await readConfigFile(flags.file) }),
    });
    const rows = config.table().filter(({ origin }) => !flags.changed || origin !== 'default');
    if (flags.json) {
      out(JSON.stringify({ valid: true, settings: rows, warnings: config.warnings }, null, 2));
    } else {
      if (!flags.quiet && rows.length > 0) out(formatTable(rows));
      for (const { message } of config.warnings) error(`warning: ${message}`);
    }
    return 0;
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem;
    const { problems, warnings } =
      problem instanceof ConfigError
        ? problem
        : { problems: [{ message: problem.message }], warnings: [] };
    if (flags.json) {
      out(JSON.stringify({ valid: false, problems, warnings }, null, 2));
    } else {
      error(problem.message);
      for (const { message } of warnings) error(`warning: ${message}`);
    }
    return 1;
  }
}

interface Flags {
  readonly file: string | undefined;
  readonly dotenv: string | false | undefined;
  readonly settings: string | undefined;
  readonly changed: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

function parseFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      file: { type: 'string' },
      dotenv: { type: 'string' },
      'no-dotenv': { type: 'boolean', default: false },
      settings: { type: 'string' },
      changed: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    file: values.file,
    dotenv: values['no-dotenv'] ? false : values.dotenv,
    settings: values.settings,
    changed: values.changed,
    quiet: values.quiet,
    json: values.json,
    help: values.help,
  };
}

interface Own {
  readonly settings?: Settings;
  readonly components?: readonly KnownComponent[];
}

async function ownSettings(path: string | undefined): Promise<Own> {
  if (path === undefined) return {};
  const { settings, components } = (await import(pathToFileURL(resolve(path)).href)) as Own;
  return {
    ...(settings === undefined ? {} : { settings }),
    ...(components === undefined ? {} : { components }),
  };
}
