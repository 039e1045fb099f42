/**
 * The log of the durable engine. Lines that come while one write is under way go out together with
 * the next one, so that many additions cost one write and one fsync. A log that has grown is begun
 * anew from what is there, in another file, which takes its place at once or not at all; and so is
 * one that could not be written, for nobody knows what of it has reached the disk.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cancel, type Clock, report } from '@org/core';

import { messageOf, storageFailed, tasksClosed } from '../refusals.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { headLine, Replay, type Replayed, wholeLine } from './records.ts';

/**
 * When the log is written through to the disk. `always`: before an addition is answered; nothing
 * answered is lost, even if the power goes. `interval`: every `fsyncIntervalMs`; what is lost then
 * is at most what came since, and nothing if only the process ends. `never`: when the system does.
 */
export type FsyncPolicy = 'always' | 'interval' | 'never';

/** What a log is made of. */
export interface JournalSettings {
  readonly folder: string;
  readonly fsync: FsyncPolicy;
  readonly fsyncIntervalMs: number;
  /** A log of at least this size is begun anew once half of it says nothing any more, in bytes. */
  readonly compactBytes: number;
  readonly clock: Clock;
  /** Lines of all there is, for a new log. */
  readonly snapshot: () => Iterable<string>;
}

/** Lines that go out together. */
interface Batch {
  lines: string[];
  /** Whether the disk must have it, and not only the system. */
  sync: boolean;
  readonly written: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Characters of a snapshot that are written at once: others get their turn in between. */
const SNAPSHOT_PART = 256 * 1024;
/** How long a log that could not be written is left alone, in ms. */
const RETRY_MS = 1000;
const FILE = /^jobs-(\d{10})\.log$/;

/** The log. */
export class Journal {
  private readonly settings: JournalSettings;
  private handle: FileHandle | undefined = undefined;
  private lock: FolderLock | undefined = undefined;
  private closed: boolean = false;
  /** Of the file that is written; grows with every file. */
  generation: number = 0;
  /** Of the file that is written. */
  sizeBytes: number = 0;
  private snapshotBytes: number = 0;
  syncsTotal: number = 0;
  snapshotsTotal: number = 0;
  /** Why the log cannot be written for now. */
  failure: unknown = undefined;
  private failedMs: number = Number.NEGATIVE_INFINITY;
  private next: Batch | undefined = undefined;
  private working: Promise<void> | undefined = undefined;
  private unsynced: boolean = false;
  private cancelSync: Cancel | undefined = undefined;
  private cancelRetry: Cancel | undefined = undefined;

  constructor(settings: JournalSettings) {
    this.settings = settings;
  }

  /** Takes the folder and reads what is there. `begin` has to follow. @throws ProblemError `ERR_TASKS_LOCKED` */
  async open(): Promise<Replayed> {
    const { folder } = this.settings;
    await mkdir(folder, { recursive: true });
    this.lock = await lockFolder(folder);
    try {
      const generations = await this.generations();
      this.generation = generations.at(-1) ?? 0;
      const replay = new Replay(this.generation === 0);
      if (this.generation > 0) await readInto(this.fileOf(this.generation), replay);
      return replay.result();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /**
   * Begins a file of this process' own from what is there: its number is its fencing epoch.
   * @param keepOld leaves the old file for somebody to look at, under another name
   */
  async begin(keepOld: boolean): Promise<void> {
    try {
      await this.renew(keepOld);
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** Adds a line. @param sync whether the disk must have it in its time */
  append(line: string, sync: boolean = true): void {
    const batch = this.batch();
    batch.lines.push(line);
    if (sync) batch.sync = true;
  }

  /** Resolves when all that was added is as safe as the policy says. @throws ProblemError `ERR_TASKS_STORAGE` */
  commit(): Promise<void> {
    return this.batch().written;
  }

  /** Writes what is left, and gives the folder back. */
  async close(): Promise<void> {
    this.cancelRetry?.();
    this.cancelSync?.();
    while (this.working !== undefined) await this.working;
    // From here on the folder may be another's: no file is begun in it any more.
    this.closed = true;
    this.cancelRetry?.();
    this.cancelSync?.();
    try {
      if (this.unsynced) await this.sync();
    } catch (error) {
      report(storageFailed(error), 'tasks close');
    }
    await this.release();
  }

  private async release(): Promise<void> {
    const { handle, lock } = this;
    this.handle = this.lock = undefined;
    await handle?.close().catch(() => undefined);
    await lock?.release();
  }

  private batch(): Batch {
    if (this.next !== undefined) return this.next;
    let settle: Pick<Batch, 'resolve' | 'reject'> | undefined;
    const written = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // Whoever only adds does not wait for it.
    written.catch(() => undefined);
    const batch: Batch = { lines: [], sync: false, written, ...settle! };
    this.next = batch;
    this.working ??= Promise.resolve().then(() => this.work());
    return batch;
  }

  /** Writes batch after batch. Never rejects. */
  private async work(): Promise<void> {
    while (this.next !== undefined) {
      const batch = this.next;
      this.next = undefined;
      if (this.closed) {
        batch.reject(tasksClosed());
        continue;
      }
      try {
        if (this.handle === undefined) this.refuseTooSoon();
        if (this.handle === undefined || this.isLarge()) await this.renew();
        await this.write(batch.lines.join(''));
        if (batch.sync) await this.makeSafe();
        batch.resolve();
      } catch (error) {
        await this.fail(error);
        batch.reject(storageFailed(error));
      }
    }
    this.working = undefined;
  }

  private async write(text: string): Promise<void> {
    if (text === '') return;
    const bytes = Buffer.from(text);
    await this.handle!.writeFile(bytes);
    this.sizeBytes += bytes.byteLength;
    this.unsynced = true;
  }

  private async makeSafe(): Promise<void> {
    const { fsync, clock, fsyncIntervalMs } = this.settings;
    if (fsync === 'always') await this.sync();
    else if (fsync === 'interval') {
      this.cancelSync ??= clock.after(fsyncIntervalMs, () => {
        this.cancelSync = undefined;
        const { handle } = this;
        void this.sync().catch((error: unknown) => {
          // Of a file that has been replaced meanwhile nothing is needed.
          if (handle === this.handle) return this.fail(error);
          return undefined;
        });
      });
    }
  }

  private async sync(): Promise<void> {
    this.unsynced = false;
    this.syncsTotal++;
    await this.handle?.datasync();
  }

  private isLarge(): boolean {
    return this.sizeBytes > Math.max(this.settings.compactBytes, 2 * this.snapshotBytes);
  }

  /** A new file with all there is. What changes meanwhile is in lines that follow it. */
  private async renew(keepOld: boolean = false): Promise<void> {
    const { folder, snapshot } = this.settings;
    const generation = this.generation + 1;
    const file = this.fileOf(generation);
    const draft = `${file}.draft`;
    await this.lock?.check();
    const handle = await open(draft, 'w');
    let sizeBytes = 0;
    try {
      let part = headLine(generation);
      const flush = async (): Promise<void> => {
        const bytes = Buffer.from(part);
        part = '';
        await handle.writeFile(bytes);
        sizeBytes += bytes.byteLength;
      };
      for (const line of snapshot()) {
        part += line;
        if (part.length >= SNAPSHOT_PART) await flush();
      }
      part += wholeLine();
      await flush();
      await handle.sync();
      await rename(draft, file);
      await syncFolder(folder);
    } catch (error) {
      await handle.close().catch(() => undefined);
      // It takes room, which is what is missing, perhaps.
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
    const before = this.handle;
    this.handle = handle;
    await before?.close().catch(() => undefined);
    this.generation = generation;
    this.sizeBytes = this.snapshotBytes = sizeBytes;
    this.unsynced = false;
    this.failure = undefined;
    this.snapshotsTotal++;
    for (const old of await this.generations()) {
      if (old >= generation) continue;
      const name = this.fileOf(old);
      await (keepOld ? rename(name, `${name}.damaged`) : rm(name, { force: true }));
    }
  }

  /** The file is not written any further: what of it is on the disk nobody knows. */
  private async fail(error: unknown): Promise<void> {
    const { clock } = this.settings;
    const { handle } = this;
    this.handle = undefined;
    try {
      await handle?.close();
    } catch {
      // Why is known already.
    }
    if (this.failure === undefined) report(storageFailed(error), 'tasks log');
    this.failure = error;
    this.failedMs = clock.monotonicMs();
    this.cancelRetry?.();
    // What ended meanwhile is to be on the disk again, whether or not somebody adds.
    this.cancelRetry = clock.after(RETRY_MS, () => void this.batch());
  }

  /** Trying again at once would write all there is for every addition. */
  private refuseTooSoon(): void {
    if (this.settings.clock.monotonicMs() - this.failedMs < RETRY_MS) {
      throw new Error(messageOf(this.failure), { cause: this.failure });
    }
  }

  private fileOf(generation: number): string {
    return join(this.settings.folder, `jobs-${String(generation).padStart(10, '0')}.log`);
  }

  private async generations(): Promise<readonly number[]> {
    const names = await readdir(this.settings.folder);
    return names
      .flatMap((name) => FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((one, other) => one - other);
  }
}

async function readInto(file: string, replay: Replay): Promise<void> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) replay.line(line);
  }
  if (rest !== '') replay.rest(rest);
}

/** Makes the names in a folder last, where the system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
