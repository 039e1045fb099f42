/**
 * Exchanges that outlive the process, so that a restart after a change of code can be compared with
 * what was before. Nothing secret is in the file: it holds what the page shows, in a folder of the
 * operating system's for temporary files that only this user may enter.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Cancel, type Clock, report } from '@org/core';

import type { ExchangeRecord } from './exchange-record.ts';

/** Changes with the form of the records: a file of another form is not read. */
const FORM = 1;
/** How long changes are gathered before they are written, in ms. */
const WRITE_AFTER_MS = 250;
/** How many times as long as the last writing took it waits for the next: writing holds up the app. */
const MAX_WRITING = 10;

/** Where the exchanges of the app in this working directory are kept. */
export function defaultFile(): string {
  const app = createHash('sha256').update(process.cwd()).digest('hex').slice(0, 16);
  // Where users have no numbers, such folders are each user's own.
  return join(tmpdir(), `org-devtools-${process.getuid?.() ?? 'files'}`, `${app}.json`);
}

export class ExchangeFile {
  readonly file: string;
  private readonly clock: Clock;
  private readonly maxBytes: number;
  private readonly records: () => readonly ExchangeRecord[];
  private cancel: Cancel | undefined = undefined;
  /** How long the last writing took, in ms. */
  private writingMs: number = 0;

  /** @param records what to write, oldest first */
  constructor(
    file: string,
    maxBytes: number,
    clock: Clock,
    records: () => readonly ExchangeRecord[],
  ) {
    this.file = file;
    this.maxBytes = maxBytes;
    this.clock = clock;
    this.records = records;
  }

  /** What was kept; nothing where there is no file, or none that this user's process wrote. */
  read(): readonly ExchangeRecord[] {
    let descriptor: number | undefined;
    try {
      // Not by a link of somebody else's, and no more than was ever written.
      descriptor = openSync(this.file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      const stat = fstatSync(descriptor);
      if (!stat.isFile() || !isOurs(stat) || stat.size > 2 * this.maxBytes) return [];
      const document = JSON.parse(readFileSync(descriptor, 'utf8')) as {
        readonly form?: unknown;
        readonly exchanges?: readonly ExchangeRecord[];
      };
      if (document.form !== FORM || !Array.isArray(document.exchanges)) return [];
      return document.exchanges.filter(isRecord);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') report(error, 'devtools file');
      return [];
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  /** Something has changed: it is written soon, and where that takes long, later. */
  touch(): void {
    const waitMs = Math.max(WRITE_AFTER_MS, MAX_WRITING * this.writingMs);
    this.cancel ??= this.clock.after(waitMs, () => this.write());
  }

  /** Writes what still waits. */
  close(): void {
    if (this.cancel !== undefined) this.write();
  }

  private write(): void {
    this.cancel?.();
    this.cancel = undefined;
    const startedMs = this.clock.monotonicMs();
    const folder = dirname(this.file);
    const draft = join(folder, `.${basename(this.file)}.${process.pid}`);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const stat = lstatSync(folder);
      // In a folder of the system's, such as /tmp, nobody may touch the files of others.
      if (!stat.isDirectory() || !(isOurs(stat) || stat.uid === 0)) {
        throw new Error(`${folder} belongs to somebody else; nothing is kept there.`);
      }
      rmSync(draft, { force: true });
      writeFileSync(draft, JSON.stringify({ form: FORM, exchanges: this.records() }), {
        mode: 0o600,
        flag: 'wx',
      });
      renameSync(draft, this.file);
    } catch (error) {
      report(error, 'devtools file');
    }
    this.writingMs = this.clock.monotonicMs() - startedMs;
  }
}

function isOurs({ uid }: { readonly uid: number }): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

function isRecord(value: unknown): value is ExchangeRecord {
  const { id, method, url, request, answer, replays, statements } = (value ??
    {}) as Partial<ExchangeRecord>;
  return (
    typeof id === 'string' &&
    /^\d{1,15}$/.test(id) &&
    typeof method === 'string' &&
    typeof url === 'string' &&
    typeof request?.headers === 'object' &&
    typeof answer?.headers === 'object' &&
    Array.isArray(statements?.repeated) &&
    Array.isArray(replays)
  );
}
