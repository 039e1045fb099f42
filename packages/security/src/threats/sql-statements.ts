/** Statements by the words that must follow each other: nobody injects half of one. */
import type { SqlTokens } from './sql-tokens.ts';

const OBJECTS =
  'table|database|schema|user|login|index|view|function|procedure|trigger|role|column|policy|event|type|sequence|temporary|or|tablespace|assembly';
const FORMS: readonly (readonly [RegExp, number])[] = [
  [/^declare (?:[@:]|\S+ cursor )/, 5],
  [/^waitfor (?:delay|time) /, 6],
  [/^(?:exec|execute) (?:immediate |master|sp_|xp_|[@(])/, 5],
  [/^(?:exec|execute) \S+ [@']/, 3],
  [/^update \S+ set \S+ (?:=|:=) /, 4],
  [/^insert into \S+ (?:\(|values|select|default)/, 4],
  [/^delete (?:(?:ignore|quick|low_priority) )*from \S+(?: (?:where|;|--|#|$)|$)/, 4],
  [new RegExp(`^drop (?:${OBJECTS}) `), 4],
  [new RegExp(`^(?:alter|create) (?:${OBJECTS}) `), 4],
  [/^truncate table /, 4],
  [/^(?:grant|revoke) (?:all|select|insert|update|delete|execute) /, 3],
  [/^shutdown(?: (?:with|--|#|;)|$)/, 4],
  [/^(?:openrowset|opendatasource) \( /, 6],
  [/^copy \S+ (?:from|to) /, 4],
  [/^(?:backup|restore) (?:database|log) /, 4],
  [/^load (?:data|xml) /, 6],
  [/^handler \S+ (?:open|read)/, 4],
  [/^bulk insert /, 5],
  [/^(?:desc|describe|show) (?:users|tables|databases|\w+ ;)/, 3],
];

/** The weightiest form of the statements of a text, and whether it stands at the beginning. */
export function statementOf(
  { kinds, words }: SqlTokens,
  from: number,
): { score: number; at: number } | undefined {
  let best: { score: number; at: number } | undefined;
  let seen = 0;
  for (let at = from; at < kinds.length && seen < 64; at++) {
    if (kinds[at] !== 'M' && words[at] !== 'desc') continue;
    seen++;
    const form = Array.from(
      { length: Math.min(5, kinds.length - at) },
      (_, step) => words[at + step] || kinds[at + step],
    ).join(' ');
    for (const [pattern, score] of FORMS) {
      if (pattern.test(`${form} `) && score > (best?.score ?? 0)) best = { score, at };
    }
  }
  return best;
}

/** Tables and views in which a database describes itself. */
export const CATALOG: RegExp =
  /^(?:information_schema\b|all_(?:tab|users|objects|views)|sys\.|sys(?:objects|columns|databases|users|logins|processes|tables)\b|pg_(?:user|shadow|class|database|tables|catalog|stat)|mysql\.(?:user|db)|v\$|sqlite_(?:master|schema|temp)|user_(?:tables|tab_|users|password)|dba_|msysaccess|master\.|dual$|rdb\$|syscat\.|sysibm\.|domain\.)/;
