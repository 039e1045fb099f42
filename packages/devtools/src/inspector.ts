/**
 * Watches exchanges and makes records of them when they have ended. It stands among the observers,
 * above all that refuses, so that what is refused is seen as well.
 */
import {
  defineStages,
  type Exchange,
  FLUSH_SPAN,
  HANDLER_SPAN,
  type Host,
  type Phase,
  type ResponseHead,
  stateKey,
} from '@org/core';

import { BodyCapture, keepBody, NO_BYTES, type RequestBody, requestBody } from './bodies.ts';
import { decode } from './decode.ts';
import type { ExchangeRecord, KeptError, KeptSpan } from './exchange-record.ts';
import type { Redaction } from './redaction.ts';
import { Statements, StatementWatch } from './statements.ts';

/** A record, and what only memory holds: the request as it came, secrets included. */
export interface Seen {
  readonly record: Omit<ExchangeRecord, 'id'>;
  readonly source: ReplaySource;
}

/** A request that can run again. */
export interface ReplaySource {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: RequestBody;
  readonly remoteAddress: string | undefined;
  readonly encrypted: boolean;
  /** Headers that it came with, and whose values are not known any more. */
  readonly withoutHeaders: readonly string[];
}

interface Watched {
  readonly statements: Statements;
  readonly deliver: (seen: Seen) => void;
  body: BodyCapture | undefined;
  /** How the handler had coded the body, or a middleware that is none of the house. */
  coding: string | undefined;
}

export interface InspectorSettings {
  readonly maxBodyBytes: number;
  readonly repeatedStatements: number;
  readonly redaction: Redaction;
  /** The fault that an exchange suffered from. */
  readonly faultOf: (exchange: Exchange) => string | undefined;
  /** Whether it was answered from a schema. */
  readonly isMocked: (exchange: Exchange) => boolean;
}

/** How much of a stack is kept. */
const MAX_STACK_LENGTH = 4000;
/** How many causes behind an error are kept. */
const MAX_CAUSES = 3;

export class Inspector {
  private readonly settings: InspectorSettings;
  private readonly key = stateKey<Watched>('devtools inspector');
  /** From the first exchange on: what nobody uses listens to nothing. */
  private watch: StatementWatch | undefined = undefined;
  private host: Host | undefined = undefined;
  private stopTiming: (() => void) | undefined = undefined;
  private phases: ReadonlyMap<string, Phase> = new Map();

  constructor(settings: InspectorSettings) {
    this.settings = settings;
  }

  attach(host: Host): void {
    this.host = host;
    this.stopTiming?.();
    this.stopTiming = host.timeRequests(() => true);
  }

  /** Has `deliver` called once the exchange has ended; one that is watched already stays with who came first. */
  see(exchange: Exchange, deliver: (seen: Seen) => void): void {
    if (exchange.getState(this.key) !== undefined) return;
    this.watch ??= new StatementWatch((one) => one.getState(this.key)?.statements);
    exchange.setState(this.key, {
      statements: new Statements(),
      deliver,
      body: undefined,
      coding: undefined,
    });
    exchange.tap(this.stages);
  }

  close(): void {
    this.watch?.close();
    this.stopTiming?.();
    this.stopTiming = undefined;
  }

  private readonly stages = defineStages({
    capture: (head: ResponseHead, exchange: Exchange) => {
      const watched = exchange.getState(this.key)!;
      watched.coding = head.get('content-encoding')?.toString().toLowerCase();
      watched.body = new BodyCapture(this.settings.maxBodyBytes);
      return watched.body;
    },
    done: (exchange: Exchange) => {
      const watched = exchange.getState(this.key)!;
      watched.deliver(this.record(exchange, watched));
    },
  });

  private record(exchange: Exchange, { statements, body, coding }: Watched): Seen {
    const { redaction, maxBodyBytes, repeatedStatements, faultOf, isMocked } = this.settings;
    const { req, res } = exchange;
    const headers = exchange.head.all();
    const sent = redaction.headers(req.headers);
    const given = requestBody(req, maxBodyBytes);
    const came = body?.take() ?? NO_BYTES;
    const { bytes, totalBytes } = coding === undefined ? came : decode(came, coding, maxBodyBytes);
    const encrypted = (req.socket as { readonly encrypted?: boolean }).encrypted === true;
    const { remoteAddress } = req.socket;
    const status = exchange.upgraded ? 101 : res.statusCode;
    const { aborted } = exchange;
    const record = {
      requestId: exchange.id,
      traceId: exchange.trace?.traceId,
      at: exchange.startedAt,
      durationMs: exchange.durationMs,
      method: req.method,
      url: redaction.text(req.originalUrl),
      route: exchange.route,
      status,
      aborted,
      internal: exchange.internal,
      fault: faultOf(exchange),
      mocked: isMocked(exchange),
      remoteAddress,
      encrypted,
      request: {
        headers: sent.headers,
        secretHeaders: sent.secret,
        body:
          given.bytes === undefined
            ? undefined
            : keepBody(given.bytes, given.bytes.length, req.headers['content-type'], redaction),
        hasUnknownBody: given.unknown,
      },
      answer: {
        status,
        headers: redaction.headers(headers).headers,
        body: keepBody(bytes, totalBytes, headers['content-type'], redaction),
        aborted,
      },
      error: errorOf(exchange.error, redaction),
      spans: this.spansOf(exchange),
      statements: {
        count: statements.count,
        durationMs: statements.durationMs,
        repeated: statements.repeated(repeatedStatements),
      },
      replays: [],
    } satisfies Omit<ExchangeRecord, 'id'>;
    const source: ReplaySource = {
      method: req.method,
      url: req.originalUrl,
      headers: { ...req.headers },
      body: given,
      remoteAddress,
      encrypted,
      withoutHeaders: [],
    };
    return { record, source };
  }

  private spansOf(exchange: Exchange): readonly KeptSpan[] {
    const spans = exchange.timeline?.spans(exchange) ?? [];
    return spans.map(({ name, startMs, selfMs }) => ({
      name,
      phase: this.phaseOf(name),
      startMs,
      selfMs,
    }));
  }

  private phaseOf(name: string): Phase | undefined {
    if (name === HANDLER_SPAN || name === FLUSH_SPAN) return undefined;
    if (!this.phases.has(name) && this.host !== undefined) {
      this.phases = new Map(this.host.traffic().map((one) => [one.name, one.phase]));
    }
    return this.phases.get(name);
  }
}

function errorOf(error: unknown, redaction: Redaction, depth: number = 0): KeptError | undefined {
  if (error === undefined || error === null || depth > MAX_CAUSES) return undefined;
  const { name, message, code, stack, cause } = error as Partial<
    Record<'name' | 'message' | 'code' | 'stack' | 'cause', unknown>
  >;
  const clean = (text: string): string => redaction.text(text.slice(0, MAX_STACK_LENGTH));
  const text = typeof error === 'string' ? error : `what was thrown is of type ${typeof error}`;
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: clean(typeof message === 'string' ? message : text),
    code: typeof code === 'string' ? code : undefined,
    stack: typeof stack === 'string' ? clean(stack) : undefined,
    cause: errorOf(cause, redaction, depth + 1),
  };
}
