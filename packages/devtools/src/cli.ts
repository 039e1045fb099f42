#!/usr/bin/env node
/** The executable `org-devtools`; what it does is in `command.ts`. */
import { runCommand } from './command.ts';

process.exitCode = await runCommand({
  args: process.argv.slice(2),
  env: process.env,
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
});
