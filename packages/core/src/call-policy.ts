/**
 * What stands around a call to something else: a retry, a circuit, a time limit. They meet through
 * this contract alone, so that any of them can stand around any other; the order decides what each
 * of them sees.
 */

/** What a call is told by what stands around it. */
export interface CallContext {
  /** Aborts when the caller has gone or a time limit is over; whoever works for the call obeys it. */
  readonly signal?: AbortSignal | undefined;
  /** Which attempt this is, from 1. Absent where nobody tries again. */
  readonly attempt?: number | undefined;
  /** When the caller must have its answer, in monotonic ms of the clock; absent without a deadline. */
  readonly deadlineMs?: number | undefined;
}

/** Something to call, and to call again. */
export type Call<T> = (context: CallContext) => Promise<T>;

/** Kinds of policies, by what they do with a call. */
export type CallPolicyKind = 'fallback' | 'retry' | 'hedge' | 'circuit' | 'bulkhead' | 'timeout';

/** Something that stands around calls. */
export interface CallPolicy {
  readonly name: string;
  readonly kind: CallPolicyKind;
  /** Makes the call, or not, or again. Rejects with what the call rejected with, or with an error of its own. */
  run<T>(call: Call<T>, context?: CallContext): Promise<T>;
}

/** Several policies as one. */
export interface ComposedPolicy {
  readonly policies: readonly CallPolicy[];
  run<T>(call: Call<T>, context?: CallContext): Promise<T>;
  /** Why the order matters, line by line, from the outermost in. */
  explain(): string;
}

/** What the order of two neighbours means, by `outer>inner`. */
const CONSEQUENCES: Readonly<Record<string, string>> = Object.freeze({
  'fallback>retry': 'answers in the place of a call whose last attempt has failed',
  'fallback>circuit': 'answers in the place of a call that failed, or that was not made at all',
  'fallback>timeout': 'answers in the place of a call that failed or took too long',
  'retry>circuit': 'each attempt counts for the circuit; an open circuit ends the attempts',
  'retry>timeout': 'each attempt has a time limit of its own',
  'retry>bulkhead': 'each attempt takes a place of its own, and gives it back while it waits',
  'retry>hedge': 'an attempt is a race, and has failed when both have',
  'hedge>circuit': 'both of a race count for the circuit, the one that is aborted at most as slow',
  'hedge>retry': 'each of a race tries again for itself: up to twice as many attempts',
  'hedge>timeout': 'each of a race has a time limit of its own',
  'circuit>retry':
    'the circuit sees the outcome after the last attempt: it opens late, and slows down by the waits between attempts',
  'circuit>hedge':
    'a race counts once for the circuit: what its second call makes good is no failure',
  'circuit>timeout': 'a call that takes too long is a failure to the circuit',
  'circuit>bulkhead': 'an open circuit takes no place',
  'circuit>fallback': 'the circuit sees successes only: it never opens',
  'bulkhead>circuit': 'a place is taken even where the circuit is open',
  'bulkhead>timeout': 'waiting for a place has no limit of its own',
  'bulkhead>retry': 'a place is kept over all attempts and the waits between them',
  'timeout>retry': 'one time limit over all attempts and the waits between them',
  'timeout>circuit':
    'a call that takes too long was given up by its caller: it counts for the circuit at most as slow, and as a failure only where the signal aborts with a TimeoutError',
  'timeout>bulkhead': 'waiting for a place counts towards the time limit',
  'timeout>hedge': 'one time limit over the whole race',
});

/** Composes policies, the outermost first: `compose(retry, circuit, timeout)` tries again what has failed or timed out. */
export function compose(...policies: readonly CallPolicy[]): ComposedPolicy {
  const runFrom = <T>(at: number, call: Call<T>, context: CallContext): Promise<T> => {
    const policy = policies[at];
    if (policy === undefined) return call(context);
    return policy.run((inner) => runFrom(at + 1, call, inner), context);
  };
  return {
    policies,
    run: (call, context = {}) => runFrom(0, call, context),
    explain: () => policies.map((policy, at) => lineFor(policy, policies[at + 1])).join('\n'),
  };
}

function lineFor(outer: CallPolicy, inner: CallPolicy | undefined): string {
  const name = `${outer.kind} "${outer.name}"`;
  if (inner === undefined) return `${name} around the call itself`;
  const why = CONSEQUENCES[`${outer.kind}>${inner.kind}`];
  return `${name} around ${inner.kind} "${inner.name}"${why === undefined ? '' : `: ${why}`}`;
}
