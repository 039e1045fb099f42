/**
 * Command injection, and code injection. What counts is a command where a shell looks for one,
 * with what it needs to do something: `mammal;cat;ears` has no path for `cat`, `; cat /etc/passwd` has.
 */
import { HAS } from './characters.ts';
import type { Notes } from './notes.ts';
import { isProse } from './prose.ts';
import { inspectCode } from './code-call.ts';
import { type Command, commandsOf, isMarkdown } from './shell-tokens.ts';
import { ALONE, COMMON, WINDOWS, WITH_ARGUMENT } from './shell-words.ts';

const SEPARATES = HAS.separator | HAS.paren | HAS.backtick | HAS.dollar | HAS.brace;
const FOLDER =
  /^(?:\.{0,2}\/)?(?:usr\/)?(?:local\/)?s?bin\/$|^[a-z]:[\\/]+(?:windows|winnt)[\\/]|^\/\w{0,3}[?*][?*\w]{0,4}\/(?:[?*\w]{1,6}\/)?$|^\.\/$/;
/** A program by its folder, or a folder with wildcards. */
const PROGRAM = /bin\/|^\/[^/\s]{0,8}[?*]|^["']?[a-z]{1,10}(?:["'\\][a-z"'\\]{1,12}) /;
const INTERPRETER = /^\s{0,4}(?:cmd|powershell|pwsh|bash|sh)(?:\.exe)?\s/i;
/** What programs take: options, paths, addresses, redirections, variables, quoted text. */
const ARGUMENT =
  /^(?:\s|\+|,|\$\{?IFS\}?|<)+(?:-{1,2}[\w?]|\/(?:[\w?*.-]|\s|$)|\.{1,2}[/\\]|~\/|[a-z]:\\|https?:|ftp:|\d{1,3}(?:\.\d{1,3}){3}\b|\*|\$[\w({]|["'`]|>|<|[\w-]+\.(?:com|net|org|txt|php|sh|py|pl|conf|ini|log|xml|html?|exe|dll|bat|ps1|cgi|env|json|key|pem|local|io|me|sql|csv|jpg|png|asp|aspx|jsp)\b|%\w+%|\d+\s*(?:$|["';|&)`#]))/i;
const SERVER_SIDE_INCLUDE =
  /<!--\s{0,4}#\s{0,4}(?:exec|include|echo|config|set|printenv|flastmod|fsize)\b/i;
const SUPERGLOBAL =
  /\$_(?:GET|POST|REQUEST|COOKIE|SERVER|SESSION|FILES|ENV)\s{0,4}[[{]|\$GLOBALS\s{0,4}\[/;
/** A variable that is set, and then run. */
const VARIABLE_RUN = /(?:^|[^\w])(\w{1,24})=[^;&|\n]{1,64}[;&|\n]{1,2}\s{0,4}\$\{?\1\b/;
/** The shell itself, by its variable, where a command stands. */
const SHELL_VARIABLE = /[;|&\n]\s{0,4}\$(?:0|SHELL|BASH)\b/;
/** The control flow of Windows' shell: nobody else writes it so. */
const BATCH =
  /\bfor\s{1,8}(?:\/[dflr]\s{1,8}(?:"[^"]{0,64}"\s{1,8}|[^\s%]{1,40}\s{1,8})?)?%{1,2}\S{1,16}\s{1,8}in\s{0,8}\(|\bif\s{1,8}(?:\/i\s{1,8})?(?:not\s{1,8})?(?:["([]{0,2}%\S{1,40}\s{0,4}==|\S{1,40}\s{1,4}(?:equ|neq|lss|leq|gtr|geq)\s|(?:defined|errorlevel)\s{1,4}\w)/i;
/** A command and its argument, which braces put together: `{cat,/etc/passwd}`. */
const BRACES =
  /\{(?:id|ls|ps|env|cat|curl|wget|nc|sh|bash|uname|whoami|echo|ping|rm|cp),(?:\}|[-/]\S{0,64}\})/;
/** Arithmetic of a shell, to see whether it is computed. */
const SHELL_ARITHMETIC = /\$\(\(\s{0,4}\d|\$\[\s{0,4}\d{1,8}\s{0,4}[-+*]/;
/** A system's folders with wildcards in them. */
const WILDCARDS =
  /\/etc\/[\w-]{0,12}[?*[][^\s/]{0,16}|\/(?:usr\/)?[\w[\]?*-]{0,6}[?*\]][\w[\]?*-]{0,6}in\/\w/;
/** Text in pieces that only an interpreter puts together. */
const PIECES = /(?:"\s{0,2}&\s{0,2}"[\w ]{1,6}){2,}|(?:["']\s{0,2}[&+.]\s{0,2}["'][\w ]{1,6}){3,}/;
const SUBSTITUTION = /\$\(\s*[\w/.`"'$\\-]|`[^`\n]{1,200}`/;
const SHELLSHOCK = /\(\s{0,4}\)\s{0,4}\{\s{0,4}[:\w]{1,10}\s{0,4};\s{0,4}\}\s{0,4}[;>]/;
const PHP_TAG =
  /<\?(?:php\b|=|\s+(?:system|exec|echo|eval|passthru|include|print)\b)|<%=?\s*(?:eval|execute|response\.write|Runtime|system|import)|<jsp:/i;
const REDIRECT =
  /[^<>=-][12]?>>?\s*(?:&[12]|\/(?:dev|tmp|var|etc|home|usr)\/|[\w./-]+\.(?:php|sh|txt|jsp|asp|html|py|pl)\b|nul\b)/i;
const POWERSHELL =
  /\b(?:invoke-(?:webrequest|expression|command|restmethod)|iex\s*\(|new-object\s+(?:system\.)?net\.webclient|downloadstring\s*\(|set-executionpolicy)|\s-enc(?:odedcommand)?\s+[A-Za-z0-9+/=]{8}/i;
const DESERIALIZED =
  /!!(?:python\/|javax?\.|ruby\/)|\bO:\d{1,4}:"[\w\\]{1,64}":\d|\brO0AB[A-Za-z0-9+/]|java\.lang\.(?:Runtime|ProcessBuilder)|_\$\$ND_FUNC\$\$_|\bActiveXObject\s*\(|\$\{jndi:|\$\{(?:\$\{)?(?:(?:lower|upper|env|sys|date):|::-)[^}]{0,40}\}|["']child_process["']\s{0,4}\)\s{0,4}\.\s{0,4}(?:exec|spawn|fork)|\bmainModule\.require/i;

/** What says enough where it stands: the characters that it cannot do without, and its score by the length of the text. */
const FORMS: readonly {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly needs: number;
  readonly score: (length: number) => number;
}[] = [
  { rule: 'command-shellshock', pattern: SHELLSHOCK, needs: HAS.paren, score: () => 6 },
  { rule: 'command-server-script', pattern: PHP_TAG, needs: HAS.angle, score: () => 6 },
  { rule: 'command-include', pattern: SERVER_SIDE_INCLUDE, needs: HAS.angle, score: () => 6 },
  {
    rule: 'command-server-script',
    pattern: SUPERGLOBAL,
    needs: HAS.dollar,
    score: (length) => (length < 200 ? 5 : 3),
  },
  {
    rule: 'command-powershell',
    pattern: POWERSHELL,
    needs: HAS.space | HAS.paren,
    score: (length) => (length < 300 ? 5 : 3),
  },
  {
    rule: 'command-object',
    pattern: DESERIALIZED,
    needs: HAS.colon | HAS.dollar | HAS.paren | HAS.quote | HAS.slash | HAS.plus,
    score: () => 6,
  },
  { rule: 'command-disguised', pattern: VARIABLE_RUN, needs: HAS.dollar, score: () => 5 },
  { rule: 'command-disguised', pattern: SHELL_VARIABLE, needs: HAS.dollar, score: () => 5 },
  { rule: 'command-disguised', pattern: PIECES, needs: HAS.paren, score: () => 5 },
  { rule: 'command-batch', pattern: BATCH, needs: HAS.space, score: () => 5 },
  { rule: 'command-disguised', pattern: BRACES, needs: HAS.brace, score: () => 5 },
  {
    rule: 'command-arithmetic',
    pattern: SHELL_ARITHMETIC,
    needs: HAS.dollar,
    score: (length) => (length < 200 ? 5 : 2),
  },
  {
    rule: 'command-wildcards',
    pattern: WILDCARDS,
    needs: HAS.slash,
    score: (length) => (length < 200 ? 5 : 2),
  },
];

/** Notes what a text holds of commands and code. */
export function inspectCommand(text: string, characters: number, notes: Notes): void {
  for (const { rule, pattern, needs, score } of FORMS) {
    if ((characters & needs) === 0) continue;
    const found = pattern.exec(text);
    if (found !== null) notes.add('command', rule, score(text.length), found.index);
  }
  if ((characters & SEPARATES) !== 0 || PROGRAM.test(text) || INTERPRETER.test(text)) {
    inspectShell(text, characters, notes);
  }
  if ((characters & HAS.paren) !== 0) inspectCode(text, notes);
}

function inspectShell(text: string, characters: number, notes: Notes): void {
  // A script names its interpreter first; what is injected goes on with a line of another.
  const prose = isProse(text) || text.startsWith('#!');
  const commands = commandsOf(text);
  let telling = 0;
  for (const command of commands) {
    const score = scoreOf(command, text, prose);
    if (score <= 0) continue;
    if (score > 2) telling++;
    notes.add(
      'command',
      command.disguised
        ? 'command-disguised'
        : command.lead === ''
          ? 'command-first'
          : 'command-separated',
      score,
      command.at,
    );
  }
  if (telling > 1) notes.add('command', 'command-several', 2, 0);
  if (telling === 0) {
    if ((characters & HAS.dollar) !== 0 && /\$\{?IFS\b/.test(text))
      notes.add('command', 'command-disguised', 5, text.indexOf('IFS'));
    return;
  }
  if (!prose) {
    const redirect = REDIRECT.exec(text);
    if (redirect !== null) notes.add('command', 'command-redirect', 2, redirect.index);
    if (SUBSTITUTION.test(text)) notes.add('command', 'command-substitution', 2, 0);
  }
}

/** Programs that run the text they are given. */
const INTERPRETERS: ReadonlySet<string> = new Set(['cmd', 'powershell', 'pwsh', 'bash', 'sh']);

/** How much a command says; 0: nothing. */
function scoreOf(
  { word, lead, rest, end, lower, disguised, folder, at }: Command,
  text: string,
  prose: boolean,
): number {
  const placed = folder !== '' && FOLDER.test(folder);
  const known =
    ALONE.has(word) || WITH_ARGUMENT.has(word) || (placed && /[?*]/.test(folder + word));
  if (!known && !placed) return 0;
  const argued = ARGUMENT.test(rest) || (WITH_ARGUMENT.has(word) && strongArgument(word, rest));
  const alone = ALONE.has(word) && (lower || WINDOWS.has(word)) && /^[\s"'`)}\]#+,\\]*$/.test(rest);
  let score = 0;
  if (lead === '') {
    // At the beginning it is a command only if it is one to its end.
    if (disguised && known) score = 5;
    else if (INTERPRETERS.has(word) && strongArgument(word, rest)) score = 5;
    else if (/[?*]/.test(folder) && /[?*]/.test(word)) score = 5;
    else if (placed && end !== '' && (known || argued)) score = 5;
    else if (placed && known) score = argued ? 5 : 4;
    else if (alone && end !== '' && end !== '\n' && text.length < 40)
      score = end === '|' && !/\s/.test(text) ? 5 : 4;
    else if (argued && strongArgument(word, rest))
      score = end === '|' || end === '&' || end === ';' || end === '&&' || end === '||' ? 5 : 3;
    else return 0;
    return prose ? score - 3 : score;
  }
  const substitution = lead === '`' || lead === '$(' || lead === '<(' || lead === '>(';
  if (alone)
    score = substitution
      ? 5
      : COMMON.has(word)
        ? /^["'`)\s]*$/.test(rest) && text.length < 40
          ? 5
          : 3
        : 5;
  else if (argued) score = 5;
  else if (placed) score = 5;
  else return disguised && known ? 5 : 0;
  // Code in prose stands between backticks.
  if (lead === '`' && alone && COMMON.has(word) && text.length > 16 && /\s/.test(text)) score = 1;
  if (disguised) score += 2;
  if (lead === '&' && score > 0 && /\w\s&\s\w/.test(text) && !argued && text.length > 30)
    score -= 2;
  if (lead === '(' || lead === '{') score -= prose ? 4 : 1;
  // Lines of text may begin with any word; of a short value, the second line is the attack.
  if (lead === '\n' || lead === '\r') {
    if (isMarkdown(text)) return 0;
    const whole =
      (alone && text.length < 12) ||
      placed ||
      (alone && end !== '' && end !== '\n') ||
      (argued && text.length < 100);
    score = prose ? score - 4 : whole ? 5 : score - 1;
  }
  // Code in prose stands between backticks, and lines of code have semicolons.
  return prose && !(at < 4 && argued) ? score - (substitution ? 4 : 3) : score;
}

/** An argument that this program in particular takes. */
function strongArgument(word: string, rest: string): boolean {
  const text = rest.replace(/^(?:\s|\+|,|\$\{?IFS\}?)+/i, '');
  switch (word) {
    case 'sleep':
    case 'timeout':
    case 'usleep':
      return /^\d+(?:\.\d+)?[smh]?\s*(?:$|["';|&)`#\\])/.test(text);
    case 'ping':
      return /^(?:-\w\s*\d|\d{1,3}\.\d)/.test(text) || /^[\w-]+(?:\.[\w-]+)+\s*$/.test(text);
    case 'nslookup':
    case 'dig':
    case 'host':
    case 'curl':
    case 'wget':
    case 'nc':
      return /^(?:-|https?:|[\w-]+(?:\.[\w-]+){1,6}(?:[:/\s]|$)|\$)/.test(text);
    case 'cat':
    case 'type':
    case 'more':
    case 'head':
    case 'tail':
    case 'nl':
    case 'less':
      return /^(?:\/|[a-z]:\\|\.{1,2}\/|-\w|\$|[\w./-]+\.\w{1,5}\s*(?:$|[;|&"'`)]))|^[\w]*[?*]/i.test(
        text,
      );
    case 'net':
      return /^(?:user|localgroup|view|start|stop|use|share|group|accounts)\b/i.test(text);
    case 'reg':
      return /^(?:add|query|delete|save|export)\b/i.test(text);
    case 'echo':
    case 'printf':
      return /^[\w"'$`\\-]+\s*(?:$|["';|&)`#>])/.test(text);
    case 'cd':
    case 'ls':
    case 'dir':
      return /^(?:-\w|\/|\.\.|~|[a-z]:)/i.test(text);
    case 'cmd':
    case 'powershell':
    case 'pwsh':
    case 'bash':
    case 'sh':
      return /^(?:\/[ck]|-(?:c|e|enc|nop|w|ep|i))\b/i.test(text);
    case 'tar':
      return /^-?[cxtzvjf]{1,5}\s/.test(text);
    case 'findstr':
      return text !== '';
    case 'netsh':
    case 'netstat':
    case 'uname':
    case 'ipconfig':
    case 'ifconfig':
    case 'id':
      return /^[-/]\w/.test(text) || /^(?:firewall|advfirewall|wlan)/i.test(text);
    default:
      return false;
  }
}
