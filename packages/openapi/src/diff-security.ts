/** Whether those who were let in before are let in still. */
import { type Comparison, isSame, member, members, type Side } from './diff-change.ts';

/** One way in: schemes with their scopes, all of which are needed. */
type Requirement = Readonly<Record<string, readonly string[]>>;

export function diffSecurity(
  comparison: Comparison,
  before: readonly [Side, Side],
  after: readonly [Side, Side],
): void {
  const [olds, nows] = [requirementsOf(before), requirementsOf(after)];
  if (isSame(olds, nows)) return;
  const own = member(after[1], 'security');
  const at = own.value === undefined ? after[1] : own;
  // Who got in by one of the old ways has what one of the new ones asks for.
  if (olds.every((was) => nows.some((is) => isEnough(was, is)))) {
    comparison.add('safe', 'security-loosened', at, 'there are more ways in, or less is asked for');
  } else {
    comparison.add(
      'breaking',
      'security-tightened',
      at,
      'credentials that were enough are not any more',
    );
  }
}

/** No requirement at all is one that asks for nothing (OpenAPI 3.1.1 §4.8.30). */
function requirementsOf([document, operation]: readonly [Side, Side]): readonly Requirement[] {
  const given = (member(operation, 'security').value ?? member(document, 'security').value) as
    | readonly Requirement[]
    | undefined;
  return given === undefined || given.length === 0 ? [{}] : given;
}

function isEnough(had: Requirement, asked: Requirement): boolean {
  return Object.entries(asked).every(
    ([name, scopes]) =>
      had[name] !== undefined && scopes.every((scope) => had[name]!.includes(scope)),
  );
}

export function diffSchemes(comparison: Comparison, old: Side, now: Side): void {
  const schemes = (side: Side): Side => member(member(side, 'components'), 'securitySchemes');
  for (const [name, was] of members(schemes(old))) {
    const is = member(schemes(now), name);
    const plain = (side: Side): object => {
      const { description: _words, ...rest } = side.value as Readonly<Record<string, unknown>>;
      return rest;
    };
    if (is.value !== undefined && !isSame(plain(was), plain(is))) {
      comparison.add(
        'breaking',
        'security-scheme-changed',
        is,
        `credentials of ${name} are sent in another way`,
      );
    }
  }
}
