/** The command `org-threats`: shows what a policy would have done with the requests of a log. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { Given } from '@org/core';

import type { ThreatsOptions } from './options.ts';
import { replay, type ReplayReport } from './replay.ts';

/** What the command is run with. */
export interface CommandInput {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly input: NodeJS.ReadableStream;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const USAGE = `Usage: org-threats [options] [file]

Replays a log of requests, one JSON object a line: {"method", "url", "headers"?, "body"?}, from
the file or from standard input, and prints what the policy would have found and refused.
Ends with 0 when nothing was found, 1 when something was, 2 for a wrong call.

  --strictness <1-4>   how little is enough (2)
  --options <path>     options of threats() as JSON: routes, fields, classes and the rest
  --rules <number>     how many rules to print (20)
  --json               print JSON
  --help               print this`;

/** Runs the command; gives the exit code. */
export async function runCommand({ args, input, out, error }: CommandInput): Promise<0 | 1 | 2> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        strictness: { type: 'string' },
        options: { type: 'string' },
        rules: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      out(USAGE);
      return 0;
    }
    const [path] = positionals;
    const given = await optionsOf(values.options, values.strictness);
    const stream = path === undefined ? input : createReadStream(path);
    const report = await replay(linesOf(stream), given);
    out(values.json ? JSON.stringify(report, undefined, 2) : printed(report, Number(values.rules)));
    return report.found > 0 ? 1 : 0;
  } catch (problem) {
    error(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}`);
    return 2;
  }
}

async function optionsOf(
  path: string | undefined,
  strictness: string | undefined,
): Promise<Given<ThreatsOptions>> {
  const given = path === undefined ? {} : (JSON.parse(await readFile(path, 'utf8')) as object);
  return strictness === undefined ? given : { ...given, strictness: Number(strictness) as 2 };
}

/** Lines as they come; what fails to be read fails the command. */
async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let failed: Error | undefined;
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  stream.once('error', (error: Error) => {
    failed = error;
    lines.close();
  });
  yield* lines;
  if (failed !== undefined) throw failed;
}

function printed(report: ReplayReport, rules: number): string {
  const { requests, found, refused, unreadable, threats, routes } = report;
  return [
    `${requests} requests, ${found} with findings, ${refused} refused${unreadable > 0 ? `, ${unreadable} lines unreadable` : ''}`,
    ...section('By class', Object.entries(threats)),
    ...section('By route', Object.entries(routes).slice(0, rules)),
    ...(report.rules.length > 0 ? ['', 'By rule'] : []),
    ...report.rules
      .slice(0, rules)
      .flatMap(({ rule, count, examples }) => [
        row(rule, count),
        ...examples.map((example) => `          ${example}`),
      ]),
  ].join('\n');
}

function section(title: string, rows: readonly (readonly [string, number])[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...rows.map(([name, count]) => row(name, count))];
}

function row(name: string, count: number): string {
  return `${String(count).padStart(8)}  ${name}`;
}
