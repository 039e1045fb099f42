#!/usr/bin/env node
/** The executable `org-threats`; what it does is in `command-line.ts`. */
import { runCommand } from './command-line.ts';

process.exitCode = await runCommand({
  args: process.argv.slice(2),
  input: process.stdin,
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
});
