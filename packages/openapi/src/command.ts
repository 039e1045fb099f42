/** The command `org-openapi`: says what changed between two documents, and fails where it breaks clients. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { type ComparedDocument, diff } from './diff.ts';
import { type DocumentChange, SEVERITIES, type Severity } from './diff-change.ts';

/** What the command is run with. */
export interface CommandInput {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const USAGE = `Usage: org-openapi diff <before.json> <after.json> [options]

Tells what changed between two OpenAPI documents, the gravest first.
Ends with 0 when clients of the older one are served by the newer, 1 when they are not, 2 for a wrong call.

  --fail-on <severity>  breaking, risky or safe: end with 1 from this severity on (default: breaking)
  --all                 print safe changes, too
  --json                print JSON
  --help                print this`;

/** Runs the command; gives the exit code. */
export async function runCommand({ args, out, error }: CommandInput): Promise<0 | 1 | 2> {
  try {
    const call = parseCall(args);
    if (call === undefined) {
      out(USAGE);
      return 0;
    }
    const [before, after] = await Promise.all(call.files.map(readDocument));
    const changes = diff(before!, after!);
    const isGrave = ({ severity }: DocumentChange): boolean =>
      SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(call.failOn);
    const shown = changes.filter((change) => call.all || change.severity !== 'safe');
    out(call.json ? JSON.stringify(shown, null, 2) : textOf(shown));
    return changes.some(isGrave) ? 1 : 0;
  } catch (problem) {
    error(`${problem instanceof Error ? problem.message : String(problem)}\n\n${USAGE}`);
    return 2;
  }
}

interface Call {
  readonly files: readonly string[];
  readonly failOn: Severity;
  readonly all: boolean;
  readonly json: boolean;
}

/** Nothing where help is asked for. @throws for a wrong call */
function parseCall(args: readonly string[]): Call | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'fail-on': { type: 'string', default: 'breaking' },
      all: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const [name, ...files] = positionals;
  if (name !== 'diff' || files.length !== 2) throw new Error('Give "diff" and two files.');
  const failOn = SEVERITIES.find((severity) => severity === values['fail-on']);
  if (failOn === undefined) {
    throw new Error(
      `--fail-on must be one of ${SEVERITIES.join(', ')}, but is ${values['fail-on']}.`,
    );
  }
  return { files, failOn, all: values.all, json: values.json };
}

async function readDocument(file: string): Promise<ComparedDocument> {
  const document = parse(file, await readFile(file, 'utf8'));
  const { openapi } = (document ?? {}) as { readonly openapi?: unknown };
  if (typeof openapi === 'string' && openapi.startsWith('3.1.')) {
    return document as ComparedDocument;
  }
  // Before 3.1 a schema says other things by the same words, such as `nullable`.
  throw new Error(`${file} is no OpenAPI 3.1 document.`);
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function textOf(changes: readonly DocumentChange[]): string {
  if (changes.length === 0) return 'Nothing that matters to clients has changed.';
  return changes
    .map(({ severity, kind, operation, pointer, message }) =>
      [
        `${severity.padEnd(8)} ${operation || 'everywhere'}: ${message}`,
        `         ${kind} at #${pointer}`,
      ].join('\n'),
    )
    .join('\n');
}
