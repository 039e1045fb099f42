/**
 * SQL injection. A value is read as SQL several times: as it is, for it may stand where a
 * number stands, and from inside of a string in each kind of quote. Evidence counts as far as
 * the reading is SQL; what merely speaks of SQL breaks its grammar within a few words.
 */
import { HAS } from './characters.ts';
import type { Notes } from './notes.ts';
import { readSql } from './sql-grammar.ts';
import type { Reading } from './sql-reading.ts';
import { CATALOG, statementOf } from './sql-statements.ts';
import { type SqlTokens, sqlTokens } from './sql-tokens.ts';
import { kindOfWord } from './sql-words.ts';

/** Without one of these, a text is no SQL as it stands. */
const LIKELY =
  /--|\/\*|@@|\|\||&&|\b(?:x?or|and|union|select|having|order\s+by|group\s+by|waitfor|sleep|benchmark|exec|execute|declare|drop|insert|delete|update|like|rlike|between|case|limit|procedure|information_schema|load_file|pg_sleep|where|shutdown|outfile|alter|create|truncate|grant|revoke|openrowset|opendatasource|backup|restore|load|handler|bulk|desc|describe|show)\b|\w\s{0,4}\(/i;
/** The first word behind a quote, if a word is what follows. */
const NEXT_WORD = /\s{0,16}([a-z]\w{0,16})/iy;

/** Notes what a text holds of SQL injection. */
export function inspectSql(text: string, characters: number, notes: Notes): void {
  if (LIKELY.test(text)) judge(sqlTokens(text, ''), '', text, notes);
  if ((characters & HAS.quote) === 0) return;
  // A quote that is escaped for one language may not be for another.
  const inside = /^\s{0,8}\\['"]/.test(text) ? text.replace('\\', '') : text;
  for (const quote of [`'`, '"', '`']) {
    if (!leavesString(inside, quote)) continue;
    const tokens = sqlTokens(inside, quote);
    if (tokens.kinds[0] === 's') judge(tokens, quote, inside, notes);
  }
}

/** Whether SQL may go on behind the first quote of this kind: prose goes on with a word of its own. */
function leavesString(text: string, quote: string): boolean {
  const at = text.indexOf(quote);
  if (at === -1 || at === text.length - 1) return false;
  if (text[at + 1] === quote || text[at - 1] === '\\') return true;
  NEXT_WORD.lastIndex = at + 1;
  const word = NEXT_WORD.exec(text)?.[1];
  return word === undefined || kindOfWord(word.toLowerCase()) !== 'n';
}

/** How much of the evidence counts, by the places where the text is no SQL. */
function plausibility(faults: number, length: number): number {
  if (faults < 1) return 1;
  if (faults < 2) return length > 8 ? 0.8 : 0.5;
  return faults / length < 0.07 ? 0.7 : faults < 3 && length > 16 ? 0.5 : 0;
}

/** Laid out for people to read, over lines that are indented. */
const LAID_OUT = /\n[ \t]{1,8}\S[^\n]{0,200}\n[ \t]*\S/;

function judge(tokens: SqlTokens, quote: string, text: string, notes: Notes): void {
  const { kinds, words } = tokens;
  const from = quote === '' ? 0 : 1;
  if (kinds.length <= from) return;
  const r = readSql(tokens, from, quote !== '');
  let scale = plausibility(r.faults, r.length);
  const statement = statementOf(tokens, from);
  const union = r.unions > 0 && r.length < 24 && r.faults < 5 && unionOfValues(tokens);
  if (scale === 0 && !union && (statement === undefined || r.faults / r.length > 0.25)) return;
  if (quote === '' && text.length > 80 && LAID_OUT.test(text)) scale *= 0.3;
  const note = (rule: string, score: number, weight: number = scale): void => {
    if (score * weight >= 1)
      notes.add('sqli', rule, Math.round(score * weight * 10) / 10, Math.max(0, r.at));
  };

  // A form of words that is a statement counts even where we do not know the dialect.
  if (statement !== undefined) {
    const alone = quote === '' && statement.at === 0;
    note(
      'sqli-statement',
      statement.score + (alone || quote === '`' ? 0 : 1),
      Math.max(scale, statement.score > 4 ? 0.85 : 0.6),
    );
  }
  if (scale === 0 && !union) return;
  // Backticks stand around code in any text; only what nobody quotes counts behind one.
  if (quote === '`' && r.tautologies + r.unions + r.telling === 0) return;
  if (r.tautologies > 0) note('sqli-tautology', 5);
  if (r.conditions > 0) note('sqli-condition', r.computed > 0 ? 4 : 3);
  if (r.constants > 0) note('sqli-constant', isBare(tokens) ? 5 : r.cut || quote === `'` ? 3 : 1);
  if (r.unions > 0) note('sqli-union', 6, union ? Math.max(scale, 0.85) : scale);
  else if (r.openUnions > 0)
    note(
      'sqli-union-open',
      /^\s*-\d+\W*union\W*$/i.test(text) ? 5 : r.length < 12 || tokens.comments > 0 ? 3 : 1,
    );
  if (r.subqueries > 0)
    note(
      'sqli-subquery',
      r.operators > 0 && (quote !== '' || kinds[0] === '1')
        ? 5
        : r.operators > 0 && r.functions > 0
          ? 4
          : 3,
    );
  if (quote === '' && kinds[0] === '1' && r.constants > 0 && r.comparisons > 0)
    note('sqli-number', 4);
  if (r.cases > 0) note('sqli-case', 5);
  if (r.stacked > 0) note('sqli-stacked', 4);
  if (r.telling > 0) note('sqli-function', 5);
  if (r.functions > 0)
    note(
      'sqli-call',
      r.nested > 1 ? 5 : r.nested > 0 ? 4 : quote === '' && r.functions < 3 ? 1 : 2,
    );
  if (r.functions > 1 && r.comparisons > 0) note('sqli-compare', 4);
  else if (r.functions > 0 && r.comparisons > 0 && /\bi?if\b/i.test(text)) note('sqli-compare', 3);
  if (/\b1\s?\/\s?0\b/.test(text) && r.functions + r.conditions > 0) note('sqli-division', 2);
  if (quote === '' && r.tautologies + r.conditions > 0 && (kinds[0] === '&' || kinds[0] === ')'))
    note('sqli-lead', 2);
  if (tokens.executed > 0) note('sqli-executed-comment', 4);
  else if (tokens.comments > 0 && r.unions + r.openUnions + r.tautologies + r.conditions > 0)
    note('sqli-inline-comment', 2);
  if (words.some((word) => SERVER_VARIABLE.test(word))) note('sqli-variable', 4);
  if (words.some((word) => CATALOG.test(word))) note('sqli-catalog', 3);
  if (r.clauses > 0) noteClauses(tokens, r, quote, note);
  if (r.selects > 0 && r.sources > 0) {
    const computes =
      r.stars + r.functions + r.telling + r.variables > 0 ||
      ((kinds[1] === '1' || kinds[1] === 's') && PLAIN_SOURCE.test(text)) ||
      (r.commas > 0 && kinds.some((kind) => kind === '1' || kind === 's'));
    note(
      'sqli-select',
      quote === '' && kinds[0] === 'S' ? (computes ? (text.length < 100 ? 5 : 3) : 2) : 3,
    );
  } else if (r.selects > 0 && (r.commas > 0 || r.functions > 0 || r.variables > 0 || r.stars > 0))
    note('sqli-select', r.variables > 0 ? 3 : 2);
  if (r.nested > 0 && r.operators > 1) note('sqli-arithmetic', 1);
  // A statement of its own that selects a value: nobody writes that about something else.
  const selected = kinds[kinds.indexOf('S') + 1] ?? ' ';
  if (
    r.selects > 0 &&
    r.faults === 0 &&
    '1sv*'.includes(selected) &&
    (r.stacked > 0 || kinds[0] === '(')
  )
    note('sqli-lead', 2);
  if (quote === '`') return;
  noteEnds(tokens, r, quote, text, note);
}

/** Whether it is no more than AND or OR and a constant: `AND false`. */
function isBare({ kinds, words }: SqlTokens): boolean {
  return kinds.length === 2 && kinds[0] === '&' && /^(?:true|false|[01])$/.test(words[1]!);
}

/** Whether UNION SELECT goes on as a list of values does, rather than as a sentence about it. */
function unionOfValues({ kinds }: SqlTokens): boolean {
  const at = kinds.indexOf('S', kinds.indexOf('U'));
  const value = kinds[at + 1] ?? '';
  return '1s0vq*(`.c'.includes(value) || (value !== '' && ',B(.c;)'.includes(kinds[at + 2] ?? 'c'));
}

/** Variables by which a server tells of itself. */
const SERVER_VARIABLE =
  /^@@(?:(?:global|session|local)\.\w|version|hostname|datadir|basedir|tmpdir|plugin_dir|servername|servicename|language|identity|rowcount|spid|trancount|error|secure_file|sql_mode|have_|innodb|max_|character_set|collation|log_|port|socket|pid_file|license|new)/;

/** FROM and a name, without what prose would go on with. */
const PLAIN_SOURCE = /\bfrom\s+\S+\s*(?:where\b|$|[;#(]|--)/i;

type NoteRule = (rule: string, score: number) => void;

function noteClauses({ kinds, words }: SqlTokens, r: Reading, quote: string, note: NoteRule): void {
  const follows = quote !== '' || kinds[0] === 'B' || r.closed > 0;
  note('sqli-clause', follows ? 2 : 1);
  if (words.includes('having') && r.tautologies + r.conditions + r.constants > 0)
    note('sqli-having', 4);
  if (words.includes('outfile') || words.includes('dumpfile')) note('sqli-outfile', 5);
  if (words.includes('procedure') && words.some((word) => word.startsWith('analys')))
    note('sqli-outfile', 5);
  const order = words.indexOf(words.includes('order') ? 'order' : 'group');
  if (order !== -1 && words[order + 1] === 'by' && (kinds[order + 2] === '1' || r.functions > 0))
    note('sqli-order', r.length <= 8 && r.faults === 0 ? 4 : 3);
  if (r.sources > 0 && r.selects === 0 && r.comparisons > 0) note('sqli-tail', 3);
}

/** How the text gets out of where it stands, and how it makes what follows harmless. */
function noteEnds(
  { kinds, starts, words }: SqlTokens,
  r: Reading,
  quote: string,
  text: string,
  note: NoteRule,
): void {
  const last = starts.at(-1)!;
  const comment = r.cut ? text.slice(last) : '';
  // What a tool leaves behind its comment is a word; what people write are some.
  const quiet =
    /^(?:--|#|\/\*)[\s+-]{0,8}(?:&\w{1,24}=)?\w{0,12}\W{0,8}$/.test(comment) &&
    !/^#\d/.test(comment);
  if (quote !== '') {
    const head = text.slice(0, starts[1] ?? text.length);
    const before = head.trim().split(/\s+/, 5).length;
    const single = quote === `'`;
    const says = r.tautologies + r.conditions + r.constants + r.unions + r.telling + r.stacked > 0;
    if (r.cut) {
      const weak = r.length === 1 && before > 2;
      note('sqli-comment', weak || !quiet ? 1 : single || r.length > 1 ? 3 : 2);
    }
    // What is quoted in the middle of a sentence may look like the end of a string.
    const quoted = before > 3 && !says && !r.cut;
    if (r.openQuote === quote && r.operators > 0) {
      note('sqli-requote', quoted ? 1 : kinds[1] === '&' ? 4 : single ? 3 : 2);
    }
    if (kinds[1] !== 'q' && r.faults === 0) {
      note('sqli-breakout', quoted ? 1 : single || says ? 2 : 1);
    }
    if (r.semicolons > 0 && r.cut) note('sqli-terminated', 2);
  } else if (r.cut && r.length > 1) {
    note('sqli-comment', quiet ? (r.closed > 0 || r.semicolons > 0 ? 3 : 2) : 1);
    if (
      kinds[0] === '(' &&
      kinds.some((kind) => kind === 's' || kind === '&' || kind === 'k' || kind === 'v')
    )
      note('sqli-parenthesis', 3);
    else if (r.constants > 0) note('sqli-parenthesis', 1);
  }
  if (r.closed > 0 && r.length > 1 && (r.comparisons > 0 || r.cut || r.commas > 0))
    note('sqli-parenthesis', 1);
  if (r.variables > 0 && words.some((word) => word.startsWith('@')) && r.operators > 0)
    note('sqli-user-variable', 2);
}
