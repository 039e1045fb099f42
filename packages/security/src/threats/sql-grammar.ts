/**
 * Whether tokens go on as SQL does, and what they say. What is injected has to be understood
 * by a database up to its end, or up to a comment that hides the rest: two names side by side
 * are prose, and a pair of operands with a comparison between them is not.
 */
import type { SqlTokens } from './sql-tokens.ts';
import { FUNCTIONS, TELLING_FUNCTIONS } from './sql-words.ts';

/** What a run of tokens says: how often each. */
export class Reading {
  /** Places where it is no SQL. */
  faults: number = 0;
  /** Tokens read. */
  length: number = 0;
  /** Comparisons of two constants behind AND, OR, HAVING or WHERE. */
  tautologies: number = 0;
  /** Other comparisons, functions and subqueries behind AND or OR. */
  conditions: number = 0;
  /** Those of them in which a function or subquery takes part. */
  computed: number = 0;
  /** CASE WHEN … END. */
  cases: number = 0;
  /** AND or OR with nothing but a constant behind it. */
  constants: number = 0;
  comparisons: number = 0;
  unions: number = 0;
  /** UNION without SELECT. */
  openUnions: number = 0;
  subqueries: number = 0;
  selects: number = 0;
  /** WHERE, HAVING, GROUP BY, ORDER BY, LIMIT, INTO, PROCEDURE. */
  clauses: number = 0;
  /** FROM. */
  sources: number = 0;
  /** Statements behind another, or behind a value. */
  stacked: number = 0;
  functions: number = 0;
  /** Functions inside of functions. */
  nested: number = 0;
  telling: number = 0;
  variables: number = 0;
  /** Parentheses closed that were not opened, and opened that were not closed. */
  closed: number = 0;
  open: number = 0;
  commas: number = 0;
  operators: number = 0;
  stars: number = 0;
  semicolons: number = 0;
  /** It ends in a comment. */
  cut: boolean = false;
  /** It ends in a string without an end: its quote. */
  openQuote: string = '';
  /** Where the first part that tells something stands. */
  at: number = -1;
}

const OPERANDS = '1sv0nZ';
const CONSTANTS = '1s0vq';
/** Clauses that say something by being there. */
const TELLING_CLAUSES: ReadonlySet<string> = new Set([
  'where',
  'having',
  'group',
  'order',
  'limit',
  'into',
  'procedure',
  'outfile',
  'dumpfile',
]);
/** Names that a statement may put side by side. */
const STATEMENT_NAMES = 6;

/** Reads from token `from`; `behind`: an operand came before. */
export function readSql(tokens: SqlTokens, from: number, behind: boolean): Reading {
  const { kinds, words, starts } = tokens;
  const r = new Reading();
  r.length = kinds.length - from;
  /** Whether an operand is complete, so that an operator may come. */
  let complete = behind;
  let statement = '';
  let names = 0;
  let calls = 0;

  for (let at = from; at < kinds.length; at++) {
    const kind = kinds[at]!;
    const before = at === 0 ? '' : kinds[at - 1]!;
    const after = kinds[at + 1] ?? '';
    const word = words[at]!;
    const first = !behind && at === from;
    let telling = false;
    const called =
      after === '(' && word !== '' && (FUNCTIONS.has(word) || TELLING_FUNCTIONS.has(word));
    switch (called ? 'f' : kind) {
      case 'f':
        if (complete && before !== 'n' && before !== 's') r.faults++;
        if (calls++ > 0 && before === '(') r.nested++;
        if (TELLING_FUNCTIONS.has(word) && argumentAt(kinds, at + 2)) {
          r.telling++;
          telling = true;
        } else r.functions++;
        complete = true;
        break;
      case 'n':
      case 'k':
      case '0': {
        if (kind === 'k' && before === ';') {
          statement = 'M';
          names = 0;
          complete = false;
          break;
        }
        if (kind === 'k') {
          const suffix =
            word === 'as' ||
            word === 'asc' ||
            word === 'desc' ||
            word === 'using' ||
            word === 'with' ||
            word === 'mode';
          if (complete && statement === '' && !suffix) r.faults++;
          // The name of a type is an operand of CONVERT and CAST.
          complete =
            word === 'asc' || word === 'desc' || word === 'mode' || after === ',' || after === ')'
              ? true
              : word === 'as'
                ? false
                : complete && statement === '';
          break;
        }
        if (complete) {
          if (statement === 'M' && names < STATEMENT_NAMES) names++;
          else if (kind === 'n' && statement === 'S' && names === 0 && 'n)s1*v'.includes(before))
            names++;
          else r.faults++;
        }
        complete = true;
        break;
      }
      case 'v':
      case '1':
        if (kind === 'v') r.variables++;
        if (complete && statement !== 'M') r.faults++;
        complete = true;
        break;
      case 's':
        if (
          complete &&
          before !== 's' &&
          statement !== 'M' &&
          !('nv1)'.includes(before) && statement === 'S')
        )
          r.faults++;
        complete = true;
        break;
      case 'q':
        if (complete && statement !== 'M') r.faults++;
        r.openQuote = word;
        complete = true;
        break;
      case '&':
        if (!complete && !first) r.faults++;
        telling = condition(tokens, at, r);
        r.operators++;
        complete = false;
        break;
      case 'o':
        if (!complete && word.startsWith('~')) break;
        if (!complete && before !== '!' && before !== 'o') r.faults++;
        r.comparisons++;
        r.operators++;
        complete = false;
        break;
      case ':':
        if (!complete) r.faults++;
        complete = false;
        break;
      case 'a':
        r.operators++;
        complete = false;
        break;
      case '*':
        r.stars++;
        // An operand of SELECT and COUNT, an operator elsewhere.
        complete =
          !complete && (before === 'S' || before === '(' || before === ',' || before === 'k');
        if (!complete) r.operators++;
        break;
      case '!':
        if (complete && after !== 'o' && before !== 'o') r.faults++;
        complete = complete && after === 'o';
        break;
      case '(':
        r.open++;
        if (complete && (before === '1' || before === 's') && statement !== 'M') r.faults++;
        complete = false;
        break;
      case ')':
        if (r.open > 0) r.open--;
        else r.closed++;
        if (!complete && before !== '(' && !first && before !== '') r.faults++;
        calls = 0;
        complete = true;
        break;
      case ',':
        if (!complete && !first) r.faults++;
        r.commas++;
        names = 0;
        complete = false;
        break;
      case ';':
        r.semicolons++;
        statement = '';
        names = 0;
        complete = false;
        break;
      case '.':
        complete = false;
        break;
      case 'U':
        if (!complete && !first) r.faults++;
        telling = true;
        if (opensSelect(kinds, at + 1)) r.unions++;
        else if (after === 'n') r.faults++;
        else r.openUnions++;
        names = 0;
        complete = false;
        break;
      case 'S':
        if (before === '(') r.subqueries++;
        else if (before === ';') r.stacked++;
        else if (behind && at === from && '1s*v(f'.includes(after)) r.stacked++;
        else if (behind && at === from) break;
        else if (complete && r.semicolons === 0 && statement !== 'M') r.faults++;
        telling = before === '(' || before === ';' || (behind && at === from);
        r.selects++;
        statement = 'S';
        names = 0;
        complete = false;
        break;
      case 'B':
        if (!complete && !first && before !== 'B' && statement === '') r.faults++;
        if (word === 'from') r.sources++;
        if (
          TELLING_CLAUSES.has(word) &&
          ((word !== 'group' && word !== 'order') || words[at + 1] === 'by')
        ) {
          r.clauses++;
          telling = complete || first;
        }
        if (word === 'having' || word === 'where') condition(tokens, at, r);
        names = 0;
        complete = false;
        break;
      case 'C':
        complete = false;
        break;
      case 'Z':
        if (kinds.includes('C')) r.cases++;
        complete = true;
        break;
      case 'M':
        if (words[at - 1] === 'for') break;
        if (complete && statement !== 'M' && r.semicolons === 0 && !(behind && at === from))
          r.faults++;
        if (!first && (before === ';' || before === ')')) {
          r.stacked++;
          telling = true;
        }
        statement = 'M';
        names = 0;
        complete = false;
        break;
      case 'c':
        r.cut = true;
        if (r.at === -1) r.at = starts[at]!;
        complete = true;
        break;
      case '[':
      case ']':
      case '{':
      case '}':
        break;
      default:
        r.faults++;
    }
    if (telling && r.at === -1) r.at = starts[at]!;
  }
  return r;
}

/** What stands behind AND, OR, HAVING and WHERE. */
function condition({ kinds, words }: SqlTokens, at: number, r: Reading): boolean {
  const [right, constant, computed] = operandAt(kinds, words, at + 1);
  let operator = right;
  if (kinds[operator] === '!') operator++;
  const clause = kinds[at] === 'B';
  if (kinds[operator] === 'o') {
    let next = operator + 1;
    while (kinds[next] === 'o') next++;
    const [, otherConstant, otherComputed] = operandAt(kinds, words, next);
    const same = kinds[next] === 'n' && words[next] === words[right - 1];
    if ((constant && otherConstant) || same) r.tautologies++;
    else if (!clause || computed || otherComputed) r.conditions++;
    if (computed || otherComputed) r.computed++;
    return true;
  }
  if (computed) {
    r.conditions++;
    r.computed++;
  } else if (constant) r.constants++;
  return computed || constant;
}

/** The place behind the operand that begins at `at`; whether it is constant; whether it computes. */
function operandAt(
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
function isCall(kinds: readonly string[], words: readonly string[], at: number): boolean {
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
function argumentAt(kinds: readonly string[], at: number): boolean {
  const kind = kinds[at] ?? '';
  const after = kinds[at + 1] ?? '';
  return kind === 'n' || kind === 'k' ? after !== ')' : kind !== '' && kind !== ')';
}

function opensSelect(kinds: readonly string[], at: number): boolean {
  let next = at;
  while (kinds[next] === 'k' || kinds[next] === '(') next++;
  return (
    kinds[next] === 'S' && (kinds[next + 1] !== undefined || '1s'.includes(kinds[at - 2] ?? ' '))
  );
}
