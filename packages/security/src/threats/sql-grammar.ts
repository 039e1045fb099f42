/**
 * Whether tokens go on as SQL does, and what they say. What is injected has to be understood
 * by a database up to its end, or up to a comment that hides the rest: two names side by side
 * are prose, and a pair of operands with a comparison between them is not.
 */
import { argumentAt, operandAt, opensSelect } from './sql-operands.ts';
import { Reading } from './sql-reading.ts';
import type { SqlTokens } from './sql-tokens.ts';
import { FUNCTIONS, TELLING_FUNCTIONS } from './sql-words.ts';

/** Clauses that say something by being there. */
const TELLING_CLAUSES: ReadonlySet<string> = new Set(
  'where having group order limit into procedure outfile dumpfile'.split(' '),
);
/** Words that follow an operand, or a whole list. */
const SUFFIXES: ReadonlySet<string> = new Set('as asc desc using with mode'.split(' '));
/** Names that a statement may put side by side. */
const STATEMENT_NAMES = 6;

/** Reads from token `from`; `behind`: an operand came before. */
export function readSql(tokens: SqlTokens, from: number, behind: boolean): Reading {
  return new SqlReader(tokens, from, behind).read();
}

/** One reading under way. */
class SqlReader {
  private readonly tokens: SqlTokens;
  private readonly from: number;
  private readonly behind: boolean;
  private readonly r: Reading = new Reading();
  private at: number;
  /** Whether an operand is complete, so that an operator may come. */
  private complete: boolean;
  /** `S` in a SELECT, `M` in another statement. */
  private statement: '' | 'S' | 'M' = '';
  /** Names side by side that this statement, or this column, has had. */
  private names: number = 0;
  /** Calls since a parenthesis was closed. */
  private calls: number = 0;

  constructor(tokens: SqlTokens, from: number, behind: boolean) {
    this.tokens = tokens;
    this.from = from;
    this.at = from;
    this.behind = behind;
    this.complete = behind;
    this.r.length = tokens.kinds.length - from;
  }

  read(): Reading {
    const { r, tokens } = this;
    for (; this.at < tokens.kinds.length; this.at++) {
      if (this.step() && r.at === -1) r.at = tokens.starts[this.at]!;
    }
    return r;
  }

  private get before(): string {
    return this.at === 0 ? '' : this.tokens.kinds[this.at - 1]!;
  }

  private get after(): string {
    return this.tokens.kinds[this.at + 1] ?? '';
  }

  private get word(): string {
    return this.tokens.words[this.at]!;
  }

  /** Nothing came before, neither here nor in the query. */
  private get first(): boolean {
    return !this.behind && this.at === this.from;
  }

  /** The first token behind the string that was left. */
  private get leaving(): boolean {
    return this.behind && this.at === this.from;
  }

  private fault(wrong: boolean): void {
    if (wrong) this.r.faults++;
  }

  /** Reads one token; whether it tells something. */
  private step(): boolean {
    const { r, word } = this;
    if (this.after === '(' && (FUNCTIONS.has(word) || TELLING_FUNCTIONS.has(word))) {
      return this.call(word);
    }
    switch (this.tokens.kinds[this.at]!) {
      case 'n':
      case '0':
        return this.name();
      case 'k':
        return this.keyword(word);
      case '1':
      case 'v':
      case 's':
      case 'q':
        return this.constant(word);
      case '&':
        this.fault(!this.complete && !this.first);
        r.operators++;
        this.complete = false;
        return this.condition();
      case 'o':
        return this.comparison(word);
      case ':':
        this.fault(!this.complete);
        this.complete = false;
        return false;
      case 'a':
        r.operators++;
        this.complete = false;
        return false;
      case '*':
        return this.star();
      case '!':
        this.fault(this.complete && this.after !== 'o' && this.before !== 'o');
        this.complete &&= this.after === 'o';
        return false;
      case '(':
      case ')':
        return this.parenthesis();
      case ',':
        this.fault(!this.complete && !this.first);
        r.commas++;
        return this.fresh();
      case ';':
        r.semicolons++;
        this.statement = '';
        return this.fresh();
      case '.':
      case 'C':
        this.complete = false;
        return false;
      case 'Z':
        if (this.tokens.kinds.includes('C')) r.cases++;
        this.complete = true;
        return false;
      case 'U':
        return this.union();
      case 'S':
        return this.select();
      case 'B':
        return this.clause(word);
      case 'M':
        return this.begin();
      case 'c':
        r.cut = true;
        this.complete = true;
        return true;
      case '[':
      case ']':
      case '{':
      case '}':
        return false;
      default:
        r.faults++;
        return false;
    }
  }

  /** A new column, condition or statement: names may stand side by side again. */
  private fresh(): false {
    this.names = 0;
    this.complete = false;
    return false;
  }

  private call(word: string): boolean {
    const { r } = this;
    this.fault(this.complete && this.before !== 'n' && this.before !== 's');
    if (this.calls++ > 0 && this.before === '(') r.nested++;
    this.complete = true;
    if (TELLING_FUNCTIONS.has(word) && argumentAt(this.tokens.kinds, this.at + 2)) {
      r.telling++;
      return true;
    }
    r.functions++;
    return false;
  }

  private name(): boolean {
    if (this.complete) {
      const alias =
        this.statement === 'S' &&
        this.names === 0 &&
        this.tokens.kinds[this.at] === 'n' &&
        'n)s1*v'.includes(this.before);
      if (alias || (this.statement === 'M' && this.names < STATEMENT_NAMES)) this.names++;
      else this.r.faults++;
    }
    this.complete = true;
    return false;
  }

  private keyword(word: string): boolean {
    if (this.before === ';') {
      this.statement = 'M';
      return this.fresh();
    }
    this.fault(this.complete && this.statement === '' && !SUFFIXES.has(word));
    // The name of a type is an operand of CONVERT and CAST.
    const ends = word === 'asc' || word === 'desc' || word === 'mode';
    if (ends || this.after === ',' || this.after === ')') this.complete = true;
    else this.complete &&= word !== 'as' && this.statement === '';
    return false;
  }

  private constant(word: string): boolean {
    const kind = this.tokens.kinds[this.at]!;
    if (kind === 'v') this.r.variables++;
    if (kind === 'q') this.r.openQuote = word;
    // Strings side by side are one; behind a name of SELECT, a string is its alias.
    const fits =
      kind === 's' &&
      (this.before === 's' || (this.statement === 'S' && 'nv1)'.includes(this.before)));
    this.fault(this.complete && this.statement !== 'M' && !fits);
    this.complete = true;
    return false;
  }

  private comparison(word: string): boolean {
    if (!this.complete && word.startsWith('~')) return false;
    this.fault(!this.complete && this.before !== '!' && this.before !== 'o');
    this.r.comparisons++;
    this.r.operators++;
    this.complete = false;
    return false;
  }

  /** An operand of SELECT and COUNT, an operator elsewhere. */
  private star(): boolean {
    this.r.stars++;
    this.complete = !this.complete && 'S(,k'.includes(this.before || ' ');
    if (!this.complete) this.r.operators++;
    return false;
  }

  private parenthesis(): boolean {
    const { r, before } = this;
    if (this.tokens.kinds[this.at] === '(') {
      r.open++;
      this.fault(this.complete && (before === '1' || before === 's') && this.statement !== 'M');
      this.complete = false;
      return false;
    }
    if (r.open > 0) r.open--;
    else r.closed++;
    this.fault(!this.complete && before !== '(' && !this.first && before !== '');
    this.calls = 0;
    this.complete = true;
    return false;
  }

  private union(): boolean {
    const { r } = this;
    this.fault(!this.complete && !this.first);
    if (opensSelect(this.tokens.kinds, this.at + 1)) r.unions++;
    else if (this.after === 'n') r.faults++;
    else r.openUnions++;
    this.fresh();
    return true;
  }

  private select(): boolean {
    const { r, before } = this;
    if (this.leaving && !'1s*v(f'.includes(this.after)) return false;
    const telling = before === '(' || before === ';' || this.leaving;
    if (before === '(') r.subqueries++;
    else if (telling) r.stacked++;
    else this.fault(this.complete && r.semicolons === 0 && this.statement !== 'M');
    r.selects++;
    this.statement = 'S';
    this.fresh();
    return telling;
  }

  private clause(word: string): boolean {
    const { r } = this;
    const telling =
      TELLING_CLAUSES.has(word) &&
      ((word !== 'group' && word !== 'order') || this.tokens.words[this.at + 1] === 'by');
    this.fault(!this.complete && !this.first && this.before !== 'B' && this.statement === '');
    if (word === 'from') r.sources++;
    if (telling) r.clauses++;
    if (word === 'having' || word === 'where') this.condition();
    const follows = this.complete || this.first;
    this.fresh();
    return telling && follows;
  }

  /** A statement other than SELECT. */
  private begin(): boolean {
    const { r, before } = this;
    if (this.tokens.words[this.at - 1] === 'for') return false;
    this.fault(this.complete && this.statement !== 'M' && r.semicolons === 0 && !this.leaving);
    const stacked = !this.first && (before === ';' || before === ')');
    if (stacked) r.stacked++;
    this.statement = 'M';
    this.fresh();
    return stacked;
  }

  /** What stands behind AND, OR, HAVING and WHERE. */
  private condition(): boolean {
    const { r, at } = this;
    const { kinds, words } = this.tokens;
    const [right, constant, computed] = operandAt(kinds, words, at + 1);
    const operator = kinds[right] === '!' ? right + 1 : right;
    if (kinds[operator] !== 'o') {
      if (computed) {
        r.conditions++;
        r.computed++;
      } else if (constant) r.constants++;
      return computed || constant;
    }
    let next = operator + 1;
    while (kinds[next] === 'o') next++;
    const [, otherConstant, otherComputed] = operandAt(kinds, words, next);
    const same = kinds[next] === 'n' && words[next] === words[right - 1];
    if ((constant && otherConstant) || same) r.tautologies++;
    else if (kinds[at] !== 'B' || computed || otherComputed) r.conditions++;
    if (computed || otherComputed) r.computed++;
    return true;
  }
}
