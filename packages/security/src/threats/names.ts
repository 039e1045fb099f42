/**
 * What names can do: operators of MongoDB and its kin, where a value was expected
 * (`password[$ne]=`), and the ways into a prototype (`__proto__`, `constructor.prototype`).
 */
import { HAS } from './characters.ts';
import type { Notes } from './notes.ts';

const OPERATOR =
  /(?:^|[.[\]])\$(?:n?eq?|[gl]te?|n?in|all|and|n?or|not|exists|type|mod|regex|options|text|search|where|expr|jsonschema|function|accumulator|elemmatch|size|near|geo\w+|comment|slice|meta|lookup|merge|out|unionwith|set|unset|inc|push|pull|rename|ne)\b/i;
const PROTOTYPE =
  /(?:^|[.[\]"'\s])__proto__(?:$|[.[\]"'\s])|(?:^|[.[\]"'\s])constructor["'\]\s]{0,3}[.[]["']?prototype(?:$|[.[\]"'\s])/;
const LEGACY = /(?:^|[.[\]])__(?:define|lookup)[GS]etter__/;
/** Names of OData's own parameters. */
const ODATA =
  /^\$(?:filter|orderby|top|skip|select|expand|count|search|format|apply|compute|skiptoken|levels|value|ref|id|schema)$/i;

/** Notes what a name does, written as a path: `user[$ne]`, `a.__proto__.b`. */
export function inspectName(path: string, operators: boolean, notes: Notes): void {
  if (path.includes('$') && !ODATA.test(path)) {
    const operator = OPERATOR.exec(path);
    if (operator !== null && operators)
      notes.add(
        'nosql',
        /where|function|accumulator|expr/i.test(operator[0]) ? 'nosql-script' : 'nosql-operator',
        5,
        operator.index,
      );
  }
  if (path.includes('__') || path.includes('constructor')) {
    const prototype = PROTOTYPE.exec(path) ?? LEGACY.exec(path);
    if (prototype !== null) notes.add('pollution', 'pollution-name', 6, prototype.index);
  }
}

const OPERATOR_IN_TEXT =
  /\{\s{0,8}["']?\$(?:ne|eq|gte?|lte?|n?in|regex|where|exists|or|and|not|expr|func)["']?\s{0,8}:|\[\$(?:ne|eq|gte?|lte?|n?in|regex|where|exists|or|and)\]|["',]\s{0,8}\$where\s{0,8}["']?\s{0,8}:/i;
const MONGO_SCRIPT =
  /^['"]?\s{0,4}(?:\|\||&&|;)\s{0,4}(?:this\.|return\b|sleep\(|while\s?\(|db\.)|\bthis\.\w{1,40}\s?(?:==|!=|\.match\(|\.length|>|<)|['"]\s{0,4};\s{0,4}(?:return\s|sleep\()|\bdb\.\w{1,40}\.(?:find|insert|drop|remove|update|count|aggregate)\w*\(/;

/** Notes operators, script and prototypes that stand in a value as text. */
export function inspectNosql(text: string, characters: number, notes: Notes): void {
  const operator = (characters & HAS.dollar) === 0 ? null : OPERATOR_IN_TEXT.exec(text);
  if (operator !== null) {
    // Ranges are what filters are for; the others turn a comparison around.
    const range = /\$(?:[gl]te?|n?in|eq|and|or)\b/i.test(operator[0]);
    notes.add(
      'nosql',
      'nosql-operator',
      text.length > 200 ? 2 : range && text.startsWith('{') ? 3 : 5,
      operator.index,
    );
  }
  const script =
    (characters & (HAS.paren | HAS.equals | HAS.angle | HAS.separator)) === 0
      ? null
      : MONGO_SCRIPT.exec(text);
  if (script !== null && text.length < 200) notes.add('nosql', 'nosql-script', 5, script.index);
  if (text.length < 400 && (text.includes('__proto__') || text.includes('constructor'))) {
    const prototype =
      /__proto__["'\]]{0,3}\s{0,2}[.[:=]|["'[]__proto__|constructor["'\]]{0,3}\s?[.[]["']?prototype/.exec(
        text,
      );
    if (prototype !== null) notes.add('pollution', 'pollution-text', 5, prototype.index);
  }
}
