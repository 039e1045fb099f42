/**
 * Header, mail and log injection: a line ends, and what follows it reads like a header, a
 * status line, a command of a mail protocol, or a line of a log. Lines of ordinary text do not.
 */
import type { Notes } from './notes.ts';

const HEADER =
  /[\r\n](?:(?:set-cookie|location|content-(?:type|length|disposition|encoding)|transfer-encoding|x-[\w-]{2,40}|access-control-[\w-]+|refresh|link|connection|cache-control|host|status|www-authenticate)\s{0,4}:\s?\S|HTTP\/\d|(?:GET|POST|PUT|HEAD|DELETE|OPTIONS)\s+\S+\s+HTTP\/)/i;
const MAIL =
  /[\r\n]\s{0,4}(?:(?:b?cc|to|from|subject|reply-to|mime-version|return-path)\s{0,4}:\s{0,4}\S{0,64}@|rcpt to\s?:|mail from\s?:|DATA[\r\n]|QUIT[\r\n]|HELO\s|EHLO\s|[A-Za-z]{0,2}\d{1,5}\s(?:CAPABILITY|FETCH|LOGIN|LIST|SELECT|LOGOUT)\b)/i;
const LOG_LINE =
  /[\r\n](?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d{1,3}(?:\.\d{1,3}){3} - - \[|\[(?:INFO|WARN|ERROR|DEBUG)\]|(?:INFO|WARN|ERROR|DEBUG)[: ])/;
// oxlint-disable-next-line no-control-regex
const TERMINAL = /\u001b\[[\d;?]{0,16}[A-Za-z]|\u001b\]|\\(?:033|e|x1b)\[\d/;

/** Notes what a text holds of lines that are not its own. */
export function inspectHeader(text: string, notes: Notes): void {
  const short = text.length < (text.includes('\r') ? 500 : 250);
  const header = HEADER.exec(text);
  if (header !== null) notes.add('header', 'header-line', short ? 5 : 2, header.index);
  const mail = MAIL.exec(text);
  if (mail !== null) notes.add('header', 'header-mail', short ? 5 : 2, mail.index);
  const log = LOG_LINE.exec(text);
  if (log !== null && short) notes.add('header', 'header-log', 3, log.index);
  const terminal = TERMINAL.exec(text);
  if (terminal !== null) notes.add('header', 'header-terminal', 4, terminal.index);
}
