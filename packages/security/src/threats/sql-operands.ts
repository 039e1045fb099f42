/** What stands at a place among tokens of SQL: an operand, a call with its arguments, the beginning of a SELECT. */
import { FUNCTIONS, TELLING_FUNCTIONS } from './sql-words.ts';

const OPERANDS = '1sv0nZ';
const CONSTANTS = '1s0vq';

/** The place behind the operand that begins at `at`; whether it is constant; whether it computes. */
export function operandAt(
  kinds: readonly string[],
  words: readonly string[],
  at: number,
): [number, boolean, boolean] {
  let next = at;
  while (
    '(!ak'.includes(kinds[next] ?? ' ') &&
    kinds[next + 1] !== undefined &&
    !isCall(kinds, words, next)
  )
    next++;
  const kind = kinds[next] ?? ' ';
  if (kind === 'S' || kind === 'C')
    return [next, false, kind === 'C' ? words[next] === 'case' : next > at];
  if (kind === 'q') return [next + 1, true, false];
  if (isCall(kinds, words, next)) return [behindCall(kinds, next + 1), false, true];
  if (!OPERANDS.includes(kind)) return [next, false, false];
  let constant = CONSTANTS.includes(kind);
  let computed = false;
  next++;
  for (;;) {
    const here = kinds[next];
    const other = kinds[next + 1] ?? ' ';
    if (here === ')') next++;
    else if ((here === 'a' || here === '*') && OPERANDS.includes(other)) {
      constant &&= CONSTANTS.includes(other);
      computed ||= isCall(kinds, words, next + 1);
      next += 2;
    } else if (here === ':') next += 2;
    else break;
  }
  return [next, constant, computed];
}

/** A function that is known, EXISTS, or a name with its arguments. */
export function isCall(kinds: readonly string[], words: readonly string[], at: number): boolean {
  const word = words[at] ?? '';
  return (
    kinds[at + 1] === '(' &&
    (FUNCTIONS.has(word) ||
      TELLING_FUNCTIONS.has(word) ||
      word === 'exists' ||
      (kinds[at] === 'n' && /[_.]/.test(word)))
  );
}

/** The place behind the parentheses that open at `at`. */
function behindCall(kinds: readonly string[], at: number): number {
  let depth = 0;
  for (let next = at; next < Math.min(kinds.length, at + 64); next++) {
    if (kinds[next] === '(') depth++;
    else if (kinds[next] === ')' && --depth === 0) return next + 1;
  }
  return kinds.length;
}

/** Whether a telling function is given something to work on: `sleep (twin)` is a room. */
export function argumentAt(kinds: readonly string[], at: number): boolean {
  const kind = kinds[at] ?? '';
  const after = kinds[at + 1] ?? '';
  return kind === 'n' || kind === 'k' ? after !== ')' : kind !== '' && kind !== ')';
}

export function opensSelect(kinds: readonly string[], at: number): boolean {
  let next = at;
  while (kinds[next] === 'k' || kinds[next] === '(') next++;
  return (
    kinds[next] === 'S' && (kinds[next + 1] !== undefined || '1s'.includes(kinds[at - 2] ?? ' '))
  );
}
