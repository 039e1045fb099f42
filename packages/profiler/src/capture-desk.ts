/** Captures from being asked for to being shown: taken one at a time, kept, rendered, compared. */
import type { Exchange, Listeners } from '@org/core';

import { type Capture, captureInfo, type CaptureKind } from './capture.ts';
import { diffTable, type DiffRow } from './diff.ts';
import type { ProfilerEvent } from './events.ts';
import { flameGraph } from './flame-graph.ts';
import { formatOf, type ProfileFormat, render, type Rendered, treeOf } from './formats.ts';
import { profileCpu, profileHeap } from './inspect.ts';
import { KeptCaptures } from './kept-captures.ts';
import type { ProfilerOptions } from './options.ts';
import { badRequest, noCapture } from './problems.ts';
import { Recorder } from './recorder.ts';
import { writeSnapshot } from './snapshot.ts';
import type { CaptureOptions } from './tools.ts';

/** The most functions that a difference names. */
const MAX_DIFF_ROWS = 500;

/** Whoever else profiles this thread. */
export interface OtherProfiler {
  isBusy(): boolean;
  /** Whether a capture of ours is under way has changed. */
  pause(paused: boolean): void;
  /** The thread stood still for a capture of ours, until now. */
  excuse(): void;
}

export class CaptureDesk {
  readonly kept: KeptCaptures;
  readonly recorder: Recorder;
  madeTotal: number = 0;
  private readonly settings: Readonly<ProfilerOptions>;
  private readonly listeners: Listeners<ProfilerEvent>;

  constructor(
    settings: Readonly<ProfilerOptions>,
    listeners: Listeners<ProfilerEvent>,
    other: OtherProfiler,
  ) {
    this.settings = settings;
    this.listeners = listeners;
    this.kept = new KeptCaptures(settings.maxCaptures, settings.maxKeptBytes);
    this.recorder = new Recorder(settings.clock, {
      isBusy: () => other.isBusy(),
      onRunning: (running) => other.pause(running),
      onStood: () => other.excuse(),
      onAborted(kind, reason) {
        if (listeners.listening) listeners.tell({ type: 'aborted', kind, reason });
      },
    });
  }

  async take(
    kind: CaptureKind,
    { durationMs = this.settings.durationMs, signal }: CaptureOptions = {},
  ): Promise<Capture> {
    const { maxDurationMs, samplingIntervalMs, heapIntervalBytes } = this.settings;
    if (!(durationMs >= 1 && durationMs <= maxDurationMs)) {
      throw badRequest(
        `A capture takes from 1 to ${maxDurationMs} ms, but not ${String(durationMs)}.`,
      );
    }
    const capture = await this.recorder.capture(kind, durationMs, signal, (wait) =>
      kind === 'cpu' ? profileCpu(samplingIntervalMs, wait) : profileHeap(heapIntervalBytes, wait),
    );
    this.keep(capture);
    return capture;
  }

  /** Keeps a capture, and tells of it. */
  keep(capture: Capture): void {
    this.madeTotal++;
    const kept = this.kept.add(capture);
    const { listeners } = this;
    if (listeners.listening) {
      listeners.tell({ type: 'captured', capture: captureInfo(capture), kept });
    }
  }

  /** Answers a request with a heap snapshot. */
  async snapshot({ res, signal }: Exchange): Promise<void> {
    const name = new Date(this.settings.clock.now()).toISOString().replaceAll(/[:.]/g, '-');
    try {
      await this.recorder.alone('snapshot', 0, signal, (stop, stood) => {
        res.setHeader('Content-Type', 'application/json');
        res.setHeader('Cache-Control', 'no-store');
        res.setHeader('X-Content-Type-Options', 'nosniff');
        res.setHeader('Content-Disposition', `attachment; filename="${name}.heapsnapshot"`);
        return writeSnapshot(res, stop, stood);
      });
    } catch (error) {
      // With the head gone, or the client, nobody is there to be told but the listeners, who were.
      if (!res.headersSent && !res.destroyed) throw error;
    }
  }

  /** @throws ProblemError `ERR_NO_CAPTURE` */
  find(capture: Capture | string): Capture {
    if (typeof capture !== 'string') return capture;
    const known = this.kept.find(capture);
    if (known === undefined) throw noCapture(capture);
    return known;
  }

  async render(which: Capture | string, format: string | undefined): Promise<Rendered> {
    const capture = this.find(which);
    const known: ProfileFormat = formatOf(capture.kind, format);
    return render(capture, known, this.settings);
  }

  async diff(one: Capture | string, other: Capture | string): Promise<DiffRow[]> {
    const [from, to] = this.pair(one, other);
    const before = await treeOf(from, this.settings);
    return diffTable(before, await treeOf(to, this.settings), MAX_DIFF_ROWS);
  }

  async diffGraph(one: Capture | string, other: Capture | string): Promise<Rendered> {
    const [from, to] = this.pair(one, other);
    const before = await treeOf(from, this.settings);
    const after = await treeOf(to, this.settings);
    const title = `${from.id} → ${to.id}, change by share: red has grown, blue has shrunk`;
    return {
      contentType: 'image/svg+xml',
      fileName: `${from.id}-${to.id}.svg`,
      body: Buffer.from(flameGraph(after, title, before)),
    };
  }

  async close(): Promise<void> {
    await this.recorder.close();
    this.kept.clear();
  }

  /** Two captures of one kind. */
  private pair(one: Capture | string, other: Capture | string): readonly [Capture, Capture] {
    const [from, to] = [this.find(one), this.find(other)];
    if (from.kind !== to.kind) {
      throw badRequest(
        `${from.id} is a ${from.kind} profile and ${to.id} a ${to.kind} profile: they cannot be compared.`,
      );
    }
    return [from, to];
  }
}
