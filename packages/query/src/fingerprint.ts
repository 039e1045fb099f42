/**
 * What statements have in common that differ in their values only: literals and parameters become
 * `?`, lists of them one, comments and line breaks go. Nothing of a value is left, so that it can be
 * kept and shown. It reads the lexical structure of Postgres (manual, §4.1), not its grammar.
 */

/** The longest that is kept, in characters. */
const MAX_CHARS = 2000;
/** As much of a statement is read. */
const MAX_READ = 20_000;

/** Comments, names, texts of every form (an unfinished one goes to the end), parameters, numbers, space. */
const TOKEN =
  /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|("(?:[^"]|"")*(?:"|$))|([eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|\\?$)|(?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|$)|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?(?:\$\4\$|$))|\$(\d+)|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|((?:\d[\w.]*|\.\d[\w.]*)(?:(?<=[eE])[+-]\d+)?)|(\s+)/g;

/** Values that make a list of their own, each perhaps with a cast: `in (?, ?)`, `array[?::int, ?::int]`. */
const LIST = /([([]) ?(\?(?:::[\w.]+(?:\[\])?)?)(?: ?, ?\2)* ?(?=[)\]])/g;
/** Rows that are all alike, such as those of an insert: `(?, default), (?, default)`. */
const ROWS = /(\((?:[^()]|\([^()]*\))*\))(?: ?, ?\1)+/g;

/** The form of a statement, at most 2000 characters of it. */
export function fingerprint(text: string): string {
  const form = rewritten(text.slice(0, MAX_READ), () => '?')
    .replaceAll(LIST, '$1$2')
    .replaceAll(ROWS, '$1')
    .trim();
  return form.length > MAX_CHARS ? `${form.slice(0, MAX_CHARS)}…` : form;
}

/** A statement that a server can plan without a value: each literal is a parameter of its own. */
export interface Plannable {
  readonly text: string;
  readonly parameters: number;
}

/** Nothing for what is too long, is several statements, or has no plan. */
export function plannable(text: string): Plannable | undefined {
  if (text.length > MAX_READ) return undefined;
  let parameters = 0;
  for (const [, , , , , number] of text.matchAll(TOKEN)) {
    if (number !== undefined) parameters = Math.max(parameters, Number(number));
  }
  const whole = rewritten(text, (number) => `$${number ?? ++parameters}`)
    // A literal of a type has its type in front of it, and a parameter behind.
    .replaceAll(/\b(interval|date|time|timestamp|timestamptz) \$(\d+)/gi, '$$$2::$1')
    .replace(/[\s;]+$/, '')
    .trim();
  const isOne = !/;/.test(whole.replaceAll(/"(?:[^"]|"")*"/g, '""'));
  const hasPlan = /^(?:select|with|insert|update|delete|merge|values|\()/i.test(whole);
  return isOne && hasPlan ? { text: whole, parameters } : undefined;
}

/** @param valueOf what stands in the place of a value; `number` is there for a parameter */
function rewritten(text: string, valueOf: (number: string | undefined) => string): string {
  return text
    .replaceAll(
      TOKEN,
      (
        token: string,
        _comment?: string,
        name?: string,
        literal?: string,
        _tag?: string,
        number?: string,
        word?: string,
        digits?: string,
      ) => {
        if (name !== undefined || word !== undefined) return token;
        if (literal !== undefined || number !== undefined || digits !== undefined) {
          return valueOf(number);
        }
        return ' ';
      },
    )
    .replaceAll(/ {2,}/g, ' ');
}
