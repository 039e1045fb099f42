/** Script that stands in a string, an attribute or an address: what it calls, and how it got out. */
import type { Notes } from './notes.ts';

/** A scheme that is script, even with white space and controls inside. */
export const SCRIPT_SCHEME: RegExp =
  /(?:j\s{0,4}a\s{0,4}v\s{0,4}a|v\s{0,4}b|l\s{0,4}i\s{0,4}v\s{0,4}e|m\s{0,4}o\s{0,4}c\s{0,4}h\s{0,4}a)\s{0,4}s\s{0,4}c\s{0,4}r\s{0,4}i\s{0,4}p\s{0,4}t\s{0,8}:|\bdata\s{0,4}:\s{0,4}(?!image\/(?:png|gif|jpe?g|webp|avif|bmp|x-icon|vnd)|font\/|audio\/|video\/)(?:text\/(?:html|xml|javascript|xsl)|image\/svg|application\/(?:x-)?(?:javascript|xhtml|xml))?[\w;=\-+/]{0,64},(?=[\s\S])/i;

/** Names of what is dangerous, given to another name. */
const ALIAS =
  /[\w$\])]\s{0,4}=\s{0,4}(?:alert|eval|prompt|confirm|document|unescape|Function)\s{0,4}(?:[,;]|$)|\((?:alert|prompt|confirm|eval)\)\s{0,4}\(/;
/** A call that ends what it stands in: `alert(1)>`, `confirm(2)//`. */
const TORN =
  /\b(?:alert|prompt|confirm|eval)\s{0,4}[(`][^)`]{0,64}[)`]\s{0,4}[;"'/]{0,4}\s{0,4}(?:>|\/\/|<\/|--|\/\*)|=\s{0,4}(?:alert|prompt|confirm)\s{0,4}\(/;
/** A call with something that nobody asks about: a string, a document, an expression. */
const ARGUED =
  /\b(?:Function|setTimeout|setInterval|eval)\s{0,4}\(\s{0,4}["'`]|\b(?:alert|prompt|confirm)\s{0,4}[(`]\s{0,4}(?:["'/`]|document|window|location|String|this|\w+\.)[^)]{0,64}\)?\s{0,4}(?:;|$|["'<>])/;
/** What a filter that drops brackets leaves. */
const REMAINS = /script\W{0,3}(?:alert|prompt|confirm|document\.)\s{0,4}[(\w]/i;
const SINK =
  /(?:\b(?:alert|prompt|confirm|eval|setTimeout|setInterval|setImmediate|Function|execScript|import|fetch|atob|unescape|fromCharCode|createElement|appendChild|insertAdjacentHTML|importScripts|print|open|postMessage|getElementsByTagName|getElementById)\b\s{0,8}(?:\(|\?\.\(|\/\*)|\b(?:alert|prompt|confirm|eval|setTimeout|setInterval|Function)\s{0,8}`|document\s{0,4}(?:\.|\[)\s{0,4}["'`]?(?:cookie|domain|write|location|body|createElement|URL|referrer|documentElement)|\b(?:window|self|top|parent|frames|globalThis|this)\s{0,4}\[\s{0,4}["'`/(]|\blocation\s{0,4}(?:=|\.\s{0,4}(?:href|replace|assign|hash))|\binnerHTML\s{0,4}=|\bString\s{0,4}\.\s{0,4}fromCharCode|\bconstructor\s{0,4}[.([]|\bonerror\s{0,4}=|\bnew\s+(?:Image|Function|XMLHttpRequest|WebSocket)\b|\[\s{0,4}["'`]constructor|\bXMLHttpRequest\b)/;

/** Out of a string, a call or a comment, and on with script. */
const BREAKOUT =
  /^[^'"`\\<>]{0,64}(?:\\?['"`][\s)\]}]{0,8}(?:[;,]|[-+*/%^|&<>=?:!]{1,3}|\bin\b|\binstanceof\b)|\*\/|-->|\]\]>|\}\s{0,4};?|<\/script)/;
/** And back into it, or the rest in a comment. */
const REJOIN = /(?:\/\/|\/\*|<!--|[-+*/,;|&:(]\s{0,4}\\?['"`])[^'"`]{0,64}$|['"`]\s{0,8}$/;

/** Brackets and signs only: JSFuck and its kin. */
const SYMBOLS_ONLY = /(?:[[\]()!+{}]{16,}|(?:[[\]()!+{}$_.=,;~"']|\\\d){60,})/;

/** Notes what a text holds of script outside of markup. */
export function inspectScript(text: string, coded: boolean, notes: Notes): void {
  const alias = ALIAS.exec(text);
  if (alias !== null && text.length < 400) notes.add('xss', 'xss-alias', 5, alias.index);
  const sink = SINK.exec(text);
  const scheme = SCRIPT_SCHEME.exec(text);
  if (scheme !== null) {
    const rest = text.slice(scheme.index + scheme[0].length);
    const begins = text.slice(0, scheme.index).trim().length <= 1;
    if (/^\s{0,16}[\w$[(/\\'"`!+~;%&{<?@.,*-]/.test(rest)) {
      if (sink !== null) notes.add('xss', 'xss-script-address', 6, scheme.index);
      else if (begins && (!rest.startsWith(' ') || /^\W?data/i.test(text)))
        notes.add('xss', 'xss-script-address', 5, scheme.index);
      else if (/[=(]\s{0,4}["'`]?\s{0,4}$/.test(text.slice(0, scheme.index)))
        notes.add('xss', 'xss-script-address', 5, scheme.index);
    }
  }
  const remains = REMAINS.exec(text);
  if (remains !== null) notes.add('xss', 'xss-remains', 5, remains.index);
  const symbols = SYMBOLS_ONLY.exec(text);
  if (symbols !== null && /\[\]/.test(symbols[0]))
    notes.add('xss', 'xss-symbols', 5, symbols.index);
  if (sink === null) return;
  const out = BREAKOUT.exec(text);
  if (out !== null && sink.index >= out[0].length - 3) {
    notes.add('xss', 'xss-breakout', 3, 0);
    notes.add('xss', 'xss-call', 2, sink.index);
    if (REJOIN.test(text.slice(Math.max(0, text.length - 128))))
      notes.add('xss', 'xss-rejoin', 2, text.length - 1);
    return;
  }
  // Nothing but script, and more of it than a call that somebody may ask about.
  if (
    text.length < 400 &&
    !/[;{}]\s{0,8}\n/.test(text) &&
    !/[a-z]{2,}\s+[a-z]{2,}\s+[a-z]{2,}\s/i.test(text)
  ) {
    notes.add(
      'xss',
      'xss-call',
      /[;=.]|\)\s*\(|\bdocument\b|\bwindow\b|\btop\b|\/.*\//.test(text) ? 3 : 2,
      sink.index,
    );
    const torn = TORN.exec(text) ?? ARGUED.exec(text);
    if (torn !== null) notes.add('xss', 'xss-torn', 3, torn.index);
    if (coded) notes.add('xss', 'xss-hidden-call', 3, sink.index);
    if (
      /document\s{0,4}\.\s{0,4}(?:cookie|domain|write)|document\s{0,4}\[|location\s{0,4}=\s{0,4}["'`]|\(\s{0,4}(?:window\.)?location|&\{|script\W{0,4}(?:alert|document)|fromCharCode|\bwith\s*\(|\[\s*["'`]\w+["'`]\s*\]\s*\(|eval\s*\(|\.constructor/.test(
        text,
      )
    ) {
      notes.add('xss', 'xss-reach', 2, sink.index);
    }
  }
}
