/**
 * Answers from what the application knows of a resource: 304 to who has it, 412 to who would
 * overwrite what he has not seen (RFC 9110 §13), and HEAD without GET. It stands behind what
 * protects, so that nobody learns of a resource whom that would have turned away, behind what
 * makes versions, and ahead of the cache: what is fresh here needs no look into a store.
 */
import {
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  HANDLED,
  httpDate,
  Listeners,
  type MaybePromise,
  type Middleware,
  ProblemError,
  resolveOptions,
  type ResponseHead,
  stateKey,
  type Stats,
  type StepResult,
  weakEqual,
} from '@org/core';

import { evaluate, isConditional } from './conditions.ts';
import { EARLY_RETURN_CHANNEL } from './events.ts';
import {
  compileResources,
  type Found,
  type HeadHeaders,
  isLate,
  type State,
  stateOf,
  type Validator,
} from './known-resources.ts';
import { CONDITIONAL_CHECKS, CONDITIONAL_DEFAULTS, type ConditionalOptions } from './options.ts';
import { endsConnection } from './unread-body.ts';

/** What was set before the handler ran, and belongs to the resource alone. */
interface Claimed {
  readonly etag: string | undefined;
  readonly others: readonly (readonly [name: string, value: string])[];
}

/** Methods that neither read nor change a representation (RFC 9110 §13.2.1). */
const WITHOUT: ReadonlySet<string> = new Set(['OPTIONS', 'TRACE', 'CONNECT']);

/**
 * Makes the answers from what is known of resources.
 * @throws OptionError for unknown or wrong options
 */
export function conditionalAnswers(options?: Given<ConditionalOptions>): Middleware {
  const settings = resolveOptions(
    'early-return',
    CONDITIONAL_DEFAULTS,
    CONDITIONAL_CHECKS,
    options,
  );
  const { clock, maxDrainBytes } = settings;
  const findValidator = compileResources(settings.validators);
  const findHead = compileResources(settings.head);
  const listeners = new Listeners(EARLY_RETURN_CHANNEL, settings.onEvent, 'early-return onEvent');
  const key = stateKey<Claimed>('early-return:conditional');
  const counts = { notModified: 0, failed: 0, head: 0 };
  let closed = false;

  const stages = defineStages({
    // Ahead of every other stage: a failure must not be kept, nor told from, by what is true of the resource.
    replace(head, exchange) {
      const { status } = head;
      if ((status < 200 || status > 299) && status !== 304) disclaim(head, exchange);
      return undefined;
    },
  });

  function disclaim(head: ResponseHead, exchange: Exchange): void {
    const { etag, others } = exchange.getState(key)!;
    const set = head.get('ETag');
    if (etag !== undefined && typeof set === 'string' && weakEqual(set, etag)) head.remove('ETag');
    for (const [name, value] of others) if (head.get(name) === value) head.remove(name);
  }

  function decide(exchange: Exchange, found: Found<Validator>, state: State): StepResult {
    const { req } = exchange;
    const verdict = isConditional(req) ? evaluate(req, state, clock.now()) : 'go';
    if (verdict === 'failed') {
      counts.failed++;
      tell('precondition-failed', found.pattern, 412, exchange);
      throw preconditionFailed(endsConnection(req, maxDrainBytes));
    }
    const reads = req.method === 'GET' || req.method === 'HEAD';
    if (!reads || state.isAbsent) return undefined;
    claim(exchange, found.value, state, verdict === 'not-modified');
    if (verdict !== 'not-modified') return answerHead(exchange);
    counts.notModified++;
    finish(exchange, found.pattern, 304);
    tell('not-modified', found.pattern, 304, exchange);
    return HANDLED;
  }

  /** Sets what the answer and its 304 have in common, so that they agree whoever gives them. */
  function claim(
    exchange: Exchange,
    { headers = {} }: Validator,
    { etag, modifiedAt }: State,
    isNotModified: boolean,
  ): void {
    const { res, head } = exchange;
    const others: (readonly [string, string])[] = [];
    for (const [name, value] of Object.entries(headers)) {
      // Others may have named theirs already.
      if (name === 'Vary') head.addToList('Vary', ...value.split(',').map((one) => one.trim()));
      else {
        res.setHeader(name, value);
        others.push([name, value]);
      }
    }
    if (etag !== undefined) res.setHeader('ETag', etag);
    // RFC 9110 §15.4.5: metadata that says no more than the tag does not belong into a 304.
    if (modifiedAt !== undefined && (etag === undefined || !isNotModified)) {
      const date = httpDate(modifiedAt);
      res.setHeader('Last-Modified', date);
      others.push(['Last-Modified', date]);
    }
    if (isNotModified || (etag === undefined && others.length === 0)) return;
    exchange.setState(key, { etag, others });
    exchange.tap(stages);
  }

  function answerHead(exchange: Exchange): StepResult {
    const { req } = exchange;
    if (findHead === undefined || req.method !== 'HEAD') return undefined;
    const found = findHead(req.url);
    if (found === undefined) return undefined;
    const headers = found.value(req, found.params);
    return isLate(headers)
      ? headers.then((late) => sendHead(exchange, found, late))
      : sendHead(exchange, found, headers);
  }

  function sendHead(
    exchange: Exchange,
    { pattern }: Found<HeadHeaders>,
    headers: Awaited<ReturnType<HeadHeaders>>,
  ): typeof HANDLED | undefined {
    if (headers === undefined || exchange.abandoned) return undefined;
    for (const [name, value] of Object.entries(headers)) exchange.res.setHeader(name, value);
    counts.head++;
    finish(exchange, pattern, 200);
    tell('head', pattern, 200, exchange);
    return HANDLED;
  }

  function finish(exchange: Exchange, pattern: string, status: number): void {
    const { req, res } = exchange;
    exchange.route = `${req.baseUrl}${pattern}`;
    res.statusCode = status;
    res.end();
  }

  function tell(
    type: 'not-modified' | 'precondition-failed' | 'head',
    path: string,
    status: number,
    exchange: Exchange,
  ): void {
    if (listeners.listening) listeners.tell({ type, path, status, exchange });
  }

  return defineMiddleware({
    name: 'early-return:conditional',
    phase: 'reuse',
    before: ['cache', 'dedup'],
    reason:
      'behind what protects and what makes versions; what the client has needs no look into a store',
    step(exchange) {
      const { req } = exchange;
      if (closed || (findValidator === undefined && findHead === undefined)) return undefined;
      const found = isWorthAsking(req) ? findValidator?.(req.url) : undefined;
      if (found === undefined) return answerHead(exchange);
      const state: MaybePromise<State> = stateOf(found.value, req, found.params);
      if (!isLate(state)) return decide(exchange, found, state);
      return state.then((late) => (exchange.abandoned ? undefined : decide(exchange, found, late)));
    },
    stats: (): Stats => ({
      notModifiedTotal: counts.notModified,
      preconditionFailedTotal: counts.failed,
      headTotal: counts.head,
    }),
    close() {
      closed = true;
    },
  });
}

/** Reads are told the version in any case; of what changes something only a condition needs it. */
function isWorthAsking(req: Exchange['req']): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return true;
  return !WITHOUT.has(req.method) && isConditional(req);
}

function preconditionFailed(closes: boolean): ProblemError {
  return new ProblemError({
    code: 'ERR_PRECONDITION_FAILED',
    status: 412,
    detail:
      'The resource is not in the state that the request asks for. Read it again, and decide anew.',
    // Its body, which nobody reads, is too long to be dropped for the sake of the connection.
    headers: closes ? { Connection: 'close' } : {},
  });
}
