import { Plan } from '../src/plan.ts';
import type { PolicyOptions } from '../src/policy-options.ts';
import { Policy } from '../src/policy.ts';
import { Refusals } from '../src/refusals.ts';
import { Standing } from '../src/standing.ts';
import { Visit } from '../src/visit.ts';

const OPTIONS: PolicyOptions = {
  limit: 10,
  windowMs: 10_000_000,
  algorithm: 'fixed',
  burst: undefined,
  by: 'address',
  shadow: false,
};

/** Somebody who has used up what he may, and asks so much later. */
function refused(laterMs: number, { reduced = false, shadowToo = false } = {}): Visit {
  const policies = [new Policy('a', 'a', OPTIONS, 10)];
  if (shadowToo) policies.push(new Policy('b', 'b', { ...OPTIONS, shadow: true }, 10));
  for (const policy of policies) new Standing(policy, 'key', 5, 0).take(5, 0);
  if (reduced) policies[0]!.algorithm.scale(0.5);
  else new Standing(policies[0]!, 'key', 5, 0).take(5, 0);
  if (shadowToo) new Standing(policies[1]!, 'key', 5, 0).take(5, 0);
  const standings = policies.map((policy) => new Standing(policy, 'key', 1, laterMs));
  return new Visit(new Plan('*', policies, undefined), standings, 1, laterMs);
}

test('one error serves all who are refused for the same and for as long', () => {
  const refusals = new Refusals();
  const first = refusals.shared(refused(0));
  expect(first).toMatchObject({ status: 429, headers: { 'Retry-After': '10000' } });
  expect(refusals.shared(refused(0))).toBe(first);
  expect(refusals.shared(refused(1000))).not.toBe(first);
  expect(refusals.fresh(refused(0))).not.toBe(first);
  expect(first.stack).not.toContain('at ');
});

test('lowered limits are told apart, whatever a policy in shadow says', () => {
  const refusals = new Refusals();
  expect(refusals.shared(refused(0)).status).toBe(429);
  expect(refusals.shared(refused(0, { reduced: true })).status).toBe(503);
  expect(refusals.shared(refused(0, { reduced: true, shadowToo: true })).status).toBe(503);
});

test('no more than so many are kept', () => {
  const refusals = new Refusals();
  const first = refusals.shared(refused(0));
  for (let second = 1; second < 1000; second++) refusals.shared(refused(second * 1000));
  expect(refusals.shared(refused(0))).toBe(first);
  refusals.shared(refused(1_000_000));
  expect(refusals.shared(refused(0))).not.toBe(first);
});
