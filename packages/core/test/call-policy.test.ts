/** Policies around a call, in the order in which they are written. */
import { type CallPolicy, type CallPolicyKind, compose } from '@org/core';

function policy(kind: CallPolicyKind, seen: string[]): CallPolicy {
  return {
    kind,
    name: 'upstream',
    run: async (call, context) => {
      seen.push(`${kind} in`);
      const answer = await call({ ...context, attempt: (context?.attempt ?? 0) + 1 });
      seen.push(`${kind} out`);
      return answer;
    },
  };
}

test('the first stands outermost, and each hands its context on', async () => {
  const seen: string[] = [];
  const composed = compose(policy('retry', seen), policy('circuit', seen));
  const { signal } = new AbortController();
  const answer = await composed.run(
    (context) => {
      seen.push('call');
      return Promise.resolve(context);
    },
    { signal },
  );
  expect(seen).toEqual(['retry in', 'circuit in', 'call', 'circuit out', 'retry out']);
  expect(answer).toEqual({ signal, attempt: 2 });
});

test('without policies there is only the call', async () => {
  const composed = compose();
  expect(await composed.run((context) => Promise.resolve(context))).toEqual({});
  expect(composed.explain()).toBe('');
});

test('rejects with what the call rejects with', async () => {
  const failure = new Error('no');
  const composed = compose(policy('retry', []));
  await expect(composed.run(() => Promise.reject(failure))).rejects.toBe(failure);
});

test('explains an order by its consequence', () => {
  const [retry, circuit, timeout] = [
    policy('retry', []),
    policy('circuit', []),
    policy('timeout', []),
  ];
  expect(compose(retry, circuit, timeout).explain()).toBe(
    [
      'retry "upstream" around circuit "upstream": each attempt counts for the circuit; an open circuit ends the attempts',
      'circuit "upstream" around timeout "upstream": a call that takes too long is a failure to the circuit',
      'timeout "upstream" around the call itself',
    ].join('\n'),
  );
  expect(compose(circuit, circuit).explain()).toBe(
    'circuit "upstream" around circuit "upstream"\ncircuit "upstream" around the call itself',
  );
});

test('knows a consequence of every order of a retry, a hedge, a circuit and a time limit', () => {
  const kinds: readonly CallPolicyKind[] = ['retry', 'hedge', 'circuit', 'timeout'];
  for (const outer of kinds) {
    for (const inner of kinds.filter((kind) => kind !== outer)) {
      const [line] = compose(policy(outer, []), policy(inner, [])).explain().split('\n');
      expect(line).toMatch(/around .*": ./);
    }
  }
});
