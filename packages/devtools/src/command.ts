/** The command `org-devtools`: runs the kept requests of a running app again, and says what has changed. */
import { parseArgs } from 'node:util';

import type { AnswerChange } from './changes.ts';
import type { ReplayAllResult, ReplayResult } from './replays.ts';

/** What the command is run with. */
export interface CommandInput {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const USAGE = `Usage: org-devtools replay <url> [options]

Runs every kept GET and HEAD of the app at <url> again, such as http://localhost:3000, and prints what their answers have changed.
Ends with 0 when nothing has, 1 when something has or could not run, 2 for a wrong call.

  --path <path>           where the tools are (default: /devtools)
  --header <name: value>  a header for every request, in place of one that is not kept; may be given again
  --token <token>         for tools that are not on this machine (default: MONITORING_TOKEN)
  --json                  print JSON
  --help                  print this`;

/** Runs the command; gives the exit code. */
export async function runCommand(input: CommandInput): Promise<0 | 1 | 2> {
  const { args, env, out, error } = input;
  try {
    const call = parseCall(args, env);
    if (call === undefined) {
      out(USAGE);
      return 0;
    }
    const result = await replay(call);
    out(call.json ? JSON.stringify(result, null, 2) : textOf(result));
    return result.changed + result.failed.length > 0 ? 1 : 0;
  } catch (problem) {
    error(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}`);
    return 2;
  }
}

interface Call {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  readonly json: boolean;
}

/** Nothing where help is asked for. @throws for a wrong call */
function parseCall(args: readonly string[], env: CommandInput['env']): Call | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      path: { type: 'string', default: '/devtools' },
      header: { type: 'string', multiple: true, default: [] },
      token: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [name, url, ...others] = positionals;
  if (name !== 'replay' || url === undefined || others.length > 0 || !/^https?:\/\//.test(url)) {
    throw new Error('Give "replay" and the URL of an app.');
  }
  const headers = values.header.map((line) => {
    const [, key, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    if (key === undefined) throw new Error(`--header must be "name: value", but is "${line}".`);
    return [key, value!] as const;
  });
  return {
    url: `${url.replace(/\/$/, '')}${values.path}/api/replay`,
    headers: Object.fromEntries(headers),
    token: values.token ?? env['MONITORING_TOKEN'],
    json: values.json,
  };
}

async function replay({ url, headers, token }: Call): Promise<ReplayAllResult> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ headers }),
  }).catch((problem: unknown) => {
    throw new Error(`${url} cannot be reached: ${String((problem as Error).cause ?? problem)}.`);
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as ReplayAllResult;
}

function textOf({ replayed, same, changed, failed, results }: ReplayAllResult): string {
  const changes = results.filter(({ diff }) => !diff.same).flatMap(linesOf);
  const without = new Set(results.flatMap(({ withoutHeaders }) => withoutHeaders));
  return [
    ...changes,
    ...failed.map(({ url, why }) => `could not run  ${url}\n  ${why}`),
    ...(without.size === 0
      ? []
      : [`Not kept, and not sent: ${[...without].join(', ')}. Give them by --header.`]),
    `${replayed} replayed: ${same} same, ${changed} changed${failed.length === 0 ? '' : `, ${failed.length} could not run`}.`,
  ].join('\n');
}

function linesOf({ method, url, diff }: ReplayResult): string[] {
  return [
    `${method} ${url}`,
    ...diff.changes.map(
      (change) => `  ${placeOf(change)}  ${told(change.before)} → ${told(change.after)}`,
    ),
    ...(diff.incomplete ? ['  … and what could not be compared'] : []),
  ];
}

function placeOf({ part, at }: AnswerChange): string {
  return part === 'body' ? at || 'body' : `${part} ${at}`.trim();
}

function told(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
