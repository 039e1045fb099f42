/**
 * One check and what is known from it. It runs in the background, so that a probe
 * costs nothing and a flood of probes does not become a flood of queries. Runs never
 * overlap: a dependency that hangs is asked once, not once per interval. What is
 * known grows old, and then it is not known any more.
 */
import type { Cancel, Clock, HealthReport, HealthStatus } from '@org/core';

/** What a check has found; `unknown` before its first result, and when that is too old. */
export type CheckStatus = HealthStatus | 'unknown';

/** What a check may answer: nothing or `true` is pass, `false` is fail, a throw is fail. */
export type CheckResult = HealthReport | boolean | void;

/** Asks a dependency how it is; must settle soon after `signal` aborts. */
export type CheckFunction = (signal: AbortSignal) => CheckResult | Promise<CheckResult>;

/** A check whose every setting is decided. */
export interface CheckSettings {
  readonly run: CheckFunction;
  readonly critical: boolean;
  readonly dependsOn: readonly string[];
  readonly groups: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly staleMs: number;
  readonly failAfter: number;
  readonly passAfter: number;
}

/** Called when what is known of a check changes. */
export type OnCheckChange = (name: string, from: CheckStatus, to: CheckStatus) => void;

/** Characters of a detail that are kept. */
const MAX_DETAIL_CHARS = 500;
const RANK: Readonly<Record<CheckStatus, number>> = Object.freeze({
  pass: 0,
  warn: 1,
  fail: 2,
  unknown: 3,
});

/** A check at work. */
export class WatchedCheck {
  readonly name: string;
  readonly settings: CheckSettings;
  status: CheckStatus = 'unknown';
  /** One line for the operator, of the latest result. */
  detail: string | undefined = 'not checked yet';
  /** Components that the latest result blames. */
  blames: readonly string[] = [];
  /** When the latest result came, in ms since the epoch. */
  resultAt: number | undefined = undefined;
  durationMs: number = 0;
  runsTotal: number = 0;
  failuresTotal: number = 0;
  timeoutsTotal: number = 0;
  private readonly clock: Clock;
  private readonly onChange: OnCheckChange;
  private running: Promise<void> | undefined;
  private controller: AbortController | undefined;
  private cancelNext: Cancel | undefined;
  private cancelStale: Cancel | undefined;
  /** Results in a row that were worse (above 0) or better (below 0) than the status. */
  private streak: number = 0;
  private stopped: boolean = false;

  constructor(name: string, settings: CheckSettings, clock: Clock, onChange: OnCheckChange) {
    this.name = name;
    this.settings = settings;
    this.clock = clock;
    this.onChange = onChange;
  }

  /** Runs now, or joins the run that is under way; resolves when that has settled. */
  run(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    this.cancelNext?.();
    this.cancelNext = undefined;
    return (this.running ??= this.once().then(() => {
      // Not at the end of the run itself, which may come before this promise is kept.
      this.running = undefined;
    }));
  }

  /** Ends the check; a run that is under way is aborted, and its result ignored. */
  stop(): void {
    this.stopped = true;
    this.cancelNext?.();
    this.cancelStale?.();
    this.controller?.abort(new Error('the health check was stopped'));
  }

  private async once(): Promise<void> {
    const { run, timeoutMs, intervalMs } = this.settings;
    const controller = (this.controller = new AbortController());
    const startMs = this.clock.monotonicMs();
    let late = false;
    const cancelTimeout = this.clock.after(timeoutMs, () => {
      late = true;
      this.timeoutsTotal++;
      this.durationMs = timeoutMs;
      this.take({ status: 'fail', detail: `no answer within ${timeoutMs} ms` });
      controller.abort(new Error(`no answer within ${timeoutMs} ms`));
    });
    this.runsTotal++;
    let report: HealthReport;
    try {
      report = reportOf(await run(controller.signal));
    } catch (error) {
      report = { status: 'fail', detail: detailOf(error) };
    }
    cancelTimeout();
    this.controller = undefined;
    if (this.stopped) return;
    if (!late) {
      this.durationMs = this.clock.monotonicMs() - startMs;
      this.take(report);
    }
    this.cancelNext = this.clock.after(intervalMs, () => void this.run());
  }

  private take(report: HealthReport): void {
    if (this.stopped) return;
    if (report.status === 'fail') this.failuresTotal++;
    this.detail = report.detail?.slice(0, MAX_DETAIL_CHARS);
    this.blames = report.causes ?? [];
    this.resultAt = this.clock.now();
    this.cancelStale?.();
    this.cancelStale = this.clock.after(this.settings.staleMs, () => {
      this.streak = 0;
      this.detail = `the last result is older than ${this.settings.staleMs} ms`;
      this.become('unknown');
    });
    this.damp(report.status);
  }

  /** What flaps is left as it was: a change counts once it has been seen often enough in a row. */
  private damp(found: HealthStatus): void {
    if (this.status === 'unknown') {
      this.become(found);
      return;
    }
    const direction = Math.sign(RANK[found] - RANK[this.status]);
    if (direction === 0) {
      this.streak = 0;
      return;
    }
    this.streak = Math.sign(this.streak) === direction ? this.streak + direction : direction;
    const enough = direction > 0 ? this.settings.failAfter : this.settings.passAfter;
    if (Math.abs(this.streak) < enough) return;
    this.streak = 0;
    this.become(found);
  }

  private become(status: CheckStatus): void {
    const from = this.status;
    if (from === status) return;
    this.status = status;
    this.onChange(this.name, from, status);
  }
}

function reportOf(result: CheckResult): HealthReport {
  if (result === undefined || result === true) return { status: 'pass' };
  if (result === false) return { status: 'fail' };
  if (typeof result !== 'object' || result === null || !Object.hasOwn(RANK, result.status)) {
    return { status: 'fail', detail: 'the check answered something that is not a health report' };
  }
  // Whoever writes a check without types may put anything here; the status is what counts.
  const { status, detail, causes } = result as { [K in keyof HealthReport]: unknown };
  return {
    status: status as HealthStatus,
    ...(detail === undefined || detail === null ? {} : { detail: detailOf(detail) }),
    causes: [causes ?? []].flat().filter((cause) => typeof cause === 'string'),
  };
}

/** The message, and what the operator needs most besides: the code, and the cause that `fetch` hides. Never throws. */
function detailOf(error: unknown): string {
  try {
    const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
    const own = String(error instanceof Error ? error.message : error);
    const message = cause instanceof Error ? `${own}: ${cause.message}` : own;
    return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
  } catch {
    return 'something that cannot be read';
  }
}
