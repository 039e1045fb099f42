/**
 * Cross-site scripting. A value is read as markup, as the inside of a tag behind a quote, and
 * as script. What runs counts: elements that load or run, handlers of events, addresses that
 * are script, styles that call; ordinary markup does not.
 */
import { HAS } from './characters.ts';
import { type Attribute, eachTag, readAttributes, type Tag } from './html-tags.ts';
import {
  ACTIVE_TAGS,
  ADDRESS_ATTRIBUTES,
  COMMON_TAGS,
  HANDLER,
  HANDLER_ANYWHERE,
  PAGE_TAGS,
} from './html-words.ts';
import type { Notes } from './notes.ts';
import { inspectScript, SCRIPT_SCHEME } from './script.ts';

/** A value that is little more than what is looked for; in longer ones it may be talked about. */
const SHORT = 300;
/** Schemes that are script to some browser. */
const OLD_SCHEME =
  /^\s{0,8}(?:mocha|livescript|vbs|mhtml|ms-its|res|view-source|jar|feed)\s{0,4}:/i;
/** A host as a number, or in octal and hexadecimal parts. */
const NUMBERED_HOST = /^\s{0,8}https?:\/\/(?:\d{6,}|[\d.\s]{0,16}(?:0x|0\d\d))/i;
/** Ends of all contexts in a row, to fit wherever it lands. */
const POLYGLOT = /["'`]{2,}\s{0,4}-->|-->\s{0,4}\]\]>|\*\/\s{0,4}-->/;
const STYLE_CALL =
  /expression\s{0,8}\(|(?:behavior|-moz-binding|behaviour)\s{0,8}:|@import|javascript\s{0,4}:|-o-link|filter\s{0,8}:\s{0,8}progid|:\s{0,8}url\s{0,4}\(\s{0,4}["']?\s{0,4}(?:data|javascript|vbscript)/i;
/** What styles have that people do not write: escapes, comments, brackets, addresses of this site's own files. */
const STYLE_ODD =
  /[[\]}\\]|\/\*|&#|url\s{0,4}\(\s{0,4}["']?(?!https?:|data:image|\/\w|#)[^)]|expr|binding/i;
/** Internet Explorer's data binding. */
const DATA_BINDING: ReadonlySet<string> = new Set(['dataformatas', 'datasrc', 'datafld']);
const STYLE_ANYWHERE =
  /style\W{0,8}=[^<]{0,160}?(?:expression\s{0,4}\(|-moz-binding|behaviou?r\s{0,4}:)/i;
const CSS_COMMENT = /\/\*.{0,64}?\*\/|\\(?=[a-z])/gi;

/** Notes what a text holds of markup and script that runs; `coded`: it had to be decoded. */
export function inspectXss(text: string, characters: number, coded: boolean, notes: Notes): void {
  if ((characters & HAS.angle) !== 0) {
    let tags = 0;
    let common = 0;
    eachTag(text, (tag) => {
      tags++;
      if (inspectTag(tag, text, notes)) common++;
    });
    const polyglot = POLYGLOT.exec(text);
    if (polyglot !== null)
      notes.add('xss', 'xss-polyglot', text.length < SHORT ? 5 : 3, polyglot.index);
    if (common > 0 && tags <= 3 && text.trimStart()[0] === '<')
      notes.add('xss', 'xss-element-alone', 2, 0);
  }
  if ((characters & HAS.equals) !== 0) inspectInsideOfTag(text, characters, notes);
  if ((characters & (HAS.paren | HAS.backtick | HAS.colon | HAS.equals | HAS.bracket)) !== 0)
    inspectScript(text, coded, notes);
}

/** Whether the tag is one of those that are active, but common. */
function inspectTag(tag: Tag, text: string, notes: Notes): boolean {
  const { name, at } = tag;
  const local = name.includes(':') ? name.slice(name.indexOf(':') + 1) : name;
  let common = false;
  if (name === '%') {
    notes.add('xss', 'xss-server-tag', text.includes('%>') ? 5 : 2, at);
  } else if (
    ACTIVE_TAGS.has(name) ||
    /^(?:script|iframe|object|embed|applet|isindex)/.test(local)
  ) {
    if (COMMON_TAGS.has(name)) {
      common = true;
      notes.add('xss', 'xss-element', name === 'style' && text.length < SHORT ? 5 : 3, at);
    } else if (tag.closing)
      notes.add('xss', 'xss-closing', name === 'script' || text.length < 40 ? 5 : 4, at);
    else
      notes.add(
        'xss',
        'xss-element',
        tag.ended || tag.attributes.length > 0 || text.length < 200 ? 6 : 4,
        at,
      );
  } else if (
    PAGE_TAGS.has(name) ||
    (local !== name && tag.ended && /^[a-z]{1,10}:[a-z]{1,16}$/.test(name))
  ) {
    notes.add('xss', 'xss-page', text.length < SHORT ? 5 : 1, at);
  } else if (name === '!--' && text.length < SHORT / 2) {
    notes.add('xss', 'xss-comment', 5, at);
  }
  for (const attribute of tag.attributes) inspectAttribute(attribute, name, at, notes);
  return common;
}

function inspectAttribute({ name, value }: Attribute, tag: string, at: number, notes: Notes): void {
  if (HANDLER.test(name)) {
    notes.add('xss', 'xss-handler', value === '' ? 4 : 6, at);
  } else if (name === 'style') {
    if (STYLE_CALL.test(value.replace(CSS_COMMENT, ''))) notes.add('xss', 'xss-style', 6, at);
    else if (STYLE_ODD.test(value)) notes.add('xss', 'xss-style', 5, at);
  } else if (tag !== '' && /^on[a-z]{3,}/.test(name)) {
    notes.add('xss', 'xss-handler', 5, at);
  } else if (name.endsWith(':handler') || DATA_BINDING.has(name)) {
    notes.add('xss', 'xss-load', 5, at);
  } else if (name === 'srcdoc') {
    notes.add('xss', 'xss-srcdoc', 6, at);
  } else if (ADDRESS_ATTRIBUTES.has(name)) {
    if (SCRIPT_SCHEME.test(value)) notes.add('xss', 'xss-script-address', 6, at);
    else if (OLD_SCHEME.test(value) || NUMBERED_HOST.test(value))
      notes.add('xss', 'xss-load', 5, at);
    else if (tag === 'link' || tag === 'base') notes.add('xss', 'xss-load', 3, at);
  } else if (name.startsWith('xmlns:') && !value.startsWith('http')) {
    notes.add('xss', 'xss-namespace', 5, at);
  } else if (name === 'http-equiv' || name === 'formaction' || name === 'attributename') {
    notes.add('xss', 'xss-load', 3, at);
  }
}

/** A value that closes an attribute and goes on as the next ones; or stood unquoted. */
function inspectInsideOfTag(text: string, characters: number, notes: Notes): void {
  const handler = HANDLER_ANYWHERE.exec(text);
  if (handler !== null) {
    const head = text.slice(0, handler.index + 1);
    const closes = /["'`>/]\s*\S{0,64}\s*$/.test(head.slice(-128)) || head.trim() === '';
    notes.add('xss', 'xss-handler', closes ? 6 : 4, handler.index);
  }
  const style = STYLE_ANYWHERE.exec(
    text.includes('/*') || text.includes('\\') ? text.replace(CSS_COMMENT, '') : text,
  );
  if (style !== null) notes.add('xss', 'xss-style', 5, 0);
  if ((characters & HAS.quote) === 0) return;
  const quote = /["'`]/.exec(text);
  if (quote === null || quote.index > 256) return;
  const attributes: Attribute[] = [];
  readAttributes(text.slice(0, 4096), quote.index + 1, attributes);
  for (const attribute of attributes) {
    if (
      attribute.name === 'style' ||
      attribute.name === 'srcdoc' ||
      ADDRESS_ATTRIBUTES.has(attribute.name)
    ) {
      inspectAttribute(attribute, '', quote.index, notes);
    }
  }
}
