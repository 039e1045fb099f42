/**
 * Runs kept requests again, through all of the application, and compares the new answers with the
 * kept ones: what a change of code has changed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, type Host, internalRequest, ProblemError } from '@org/core';
import type { Application } from 'express';

import { diffAnswers, type DiffRules } from './answer-diff.ts';
import type { AnswerDiff } from './changes.ts';
import type { ExchangeRecord, Replay } from './exchange-record.ts';
import type { Inspector, Seen } from './inspector.ts';
import type { Kept, KeptExchanges } from './kept-exchanges.ts';
import { REDACTED } from './redaction.ts';
import { markReplayed } from './replay-marks.ts';
import { type GivenHeaders, headersFor, sourceOf } from './replay-request.ts';

/** What came of running one kept request again. */
export interface ReplayResult {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly diff: AnswerDiff;
  readonly withoutHeaders: readonly string[];
}

/** What came of running all that only read. */
export interface ReplayAllResult {
  readonly replayed: number;
  readonly same: number;
  readonly changed: number;
  /** Those that could not run, or did not end in time. */
  readonly failed: readonly { readonly id: string; readonly url: string; readonly why: string }[];
  /** Changed ones first. */
  readonly results: readonly ReplayResult[];
}

export interface ReplaySettings {
  readonly exchanges: KeptExchanges;
  readonly inspector: Inspector;
  readonly rules: DiffRules;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Hears of every record that got a replay. */
  readonly onReplay: (record: ExchangeRecord) => void;
}

/** How many calls for replays run at once. */
const MAX_AT_ONCE = 4;

/** RFC 9110 §9.2.1: methods that change nothing, and can all be run without asking. */
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export class Replays {
  private readonly settings: ReplaySettings;
  private readonly running: Set<AbortController> = new Set();
  private closed: boolean = false;
  private host: Host | undefined = undefined;
  private app: Application | undefined = undefined;
  replayedTotal: number = 0;
  changedTotal: number = 0;

  constructor(settings: ReplaySettings) {
    this.settings = settings;
  }

  attach(host: Host): void {
    this.host = host;
  }

  /** Remembers through which application requests come, for where there is no whole. */
  through(app: (Application & { readonly parent?: Application }) | undefined): void {
    if (this.app !== undefined || this.host !== undefined || app === undefined) return;
    let outermost = app;
    while (outermost.parent !== undefined) outermost = outermost.parent as typeof app;
    this.app = outermost;
  }

  /** @throws ProblemError for an exchange that is not there, or that cannot run again */
  async replay(id: string, given: GivenHeaders): Promise<Replay> {
    const kept = this.settings.exchanges.get(id);
    if (kept === undefined) throw notKept();
    return this.run((signal) => this.replayOne(kept, given, signal));
  }

  /** Every kept GET and HEAD with an answer of the app's own, each address once, one after the other. */
  async replayAll(given: GivenHeaders, gone: AbortSignal): Promise<ReplayAllResult> {
    const addresses = new Set<string>();
    const latest = this.settings.exchanges.all().filter(({ record }) => {
      const address = `${record.method} ${record.url}`;
      if (!isComparable(record) || addresses.has(address)) return false;
      addresses.add(address);
      return true;
    });
    return this.run(async (signal) => {
      const results: ReplayResult[] = [];
      const failed: { id: string; url: string; why: string }[] = [];
      const ended = AbortSignal.any([signal, gone]);
      for (const kept of latest) {
        if (ended.aborted) break;
        const { id, method, url } = kept.record;
        try {
          const { answer, diff, withoutHeaders } = await this.replayOne(kept, given, ended);
          results.push({ id, method, url, status: answer.status, diff, withoutHeaders });
        } catch (error) {
          failed.push({ id, url, why: (error as Error).message });
        }
      }
      const changed = results.filter(({ diff }) => !diff.same);
      const same = results.filter(({ diff }) => diff.same);
      return {
        replayed: results.length,
        same: same.length,
        changed: changed.length,
        failed,
        results: [...changed, ...same],
      };
    });
  }

  /** Cuts off what runs, and takes no more. */
  close(): void {
    this.closed = true;
    for (const controller of this.running) controller.abort();
  }

  private async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.closed) throw unavailable('The service is about to end.');
    if (this.running.size >= MAX_AT_ONCE) throw unavailable(`${MAX_AT_ONCE} replays run already.`);
    const controller = new AbortController();
    this.running.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      this.running.delete(controller);
    }
  }

  private async replayOne(kept: Kept, given: GivenHeaders, ended: AbortSignal): Promise<Replay> {
    const { record } = kept;
    const source = kept.source ?? sourceOf(record);
    if (isEndless(record)) throw notReplayable('its answer has no end');
    if (source.body.unknown) {
      throw notReplayable('its body was not parsed, was too long to be kept, or had secrets in it');
    }
    if (source.url.includes(REDACTED)) throw notReplayable('its query had secrets in it');
    const { clock, timeoutMs, inspector, exchanges, rules, onReplay } = this.settings;
    const limit = new AbortController();
    const cancel = clock.after(timeoutMs, () => limit.abort());
    let seen: Seen | undefined;
    const at = clock.now();
    try {
      await internalRequest(
        this.listener(),
        {
          method: source.method,
          url: source.url,
          headers: headersFor(record.id, source, given),
          ...(source.body.bytes === undefined ? {} : { body: source.body.bytes }),
          ...(source.remoteAddress === undefined ? {} : { remoteAddress: source.remoteAddress }),
          internal: false,
          encrypted: source.encrypted,
          clock,
          signal: AbortSignal.any([limit.signal, ended]),
        },
        (exchange) => {
          markReplayed(exchange);
          inspector.see(exchange, (one) => (seen = one));
        },
      );
    } finally {
      cancel();
    }
    if (ended.aborted) throw notReplayable('it was cut off with the call for it');
    if (limit.signal.aborted) throw notReplayable(`it did not end within ${timeoutMs} ms`);
    if (seen === undefined) throw notReplayable('nobody could see its answer');
    const { answer, durationMs } = seen.record;
    const diff = diffAnswers(record, { answer, at }, rules);
    this.replayedTotal++;
    if (!diff.same) this.changedTotal++;
    const names = new Set(Object.keys(given).map((name) => name.toLowerCase()));
    const withoutHeaders = source.withoutHeaders.filter((name) => !names.has(name));
    const replay: Replay = { at, durationMs, answer, diff, withoutHeaders };
    const after = exchanges.addReplay(record.id, replay);
    if (after !== undefined) onReplay(after);
    return replay;
  }

  private listener(): (req: IncomingMessage, res: ServerResponse) => void {
    const { host, app } = this;
    if (host !== undefined) return (req, res) => host.handle(req, res);
    if (app === undefined)
      throw notReplayable('no request has come yet that shows the application');
    return (req, res) => void app(req as never, res as never);
  }
}

/** Whether what it answered is worth comparing with: all of an answer, and not one that was broken on purpose. */
function isComparable(record: ExchangeRecord): boolean {
  const { method, internal, aborted, fault } = record;
  return READING.has(method) && !internal && !aborted && fault === undefined && !isEndless(record);
}

/** A connection that went on in another protocol, or events that never stop. */
function isEndless({ status, answer }: ExchangeRecord): boolean {
  return status === 101 || answer.headers['content-type']?.includes('text/event-stream') === true;
}

function notKept(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_FOUND',
    status: 404,
    detail: 'No exchange of this id is kept; newer ones may have taken its place.',
  });
}

function notReplayable(why: string): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_REPLAYABLE',
    status: 409,
    detail: `The request cannot be replayed: ${why}.`,
  });
}

function unavailable(detail: string): ProblemError {
  return new ProblemError({
    code: 'ERR_DEVTOOLS_UNAVAILABLE',
    status: 503,
    detail,
    expose: true,
    headers: { 'Retry-After': '5' },
  });
}
