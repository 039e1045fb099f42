/**
 * Path traversal: a path that climbs out of its root, an absolute one to a file that no client
 * names, a wrapper of a language's streams. Backslashes, doubled separators, dots that a
 * filter would leave over (`....//`) and cut encodings read as the simplest path they may become.
 */
import { HAS } from './characters.ts';
import type { Place } from './finding.ts';
import type { Notes } from './notes.ts';

/** Files and folders of systems and programs that hold secrets, or prove that one can read. */
const SENSITIVE =
  /(?:^|[/=:"'(;,\s.])(?:[a-z]:)?(?:etc\/(?:passwd|shadow|group|gshadow|hosts|issue|motd|fstab|mtab|vfstab|sudoers|crontab|hostname|resolv\.conf|ssh|ssl|httpd|apache2?|nginx|mysql|php|init\.d|rc\.\w|pam\.d|cron|default|security|sysconfig|network|networks|services|protocols|master\.passwd|environment|profile|bash\w{0,8}|inetd|xinetd|syslog|logrotate|vsftpd|proftpd|pure-?ftpd|wu-ftpd|samba|snmp|exports|my\.cnf|redhat-release|debian_version|os-release|lsb-release|[\w-]{1,32}\.(?:conf|cfg|d|cnf|allow|deny|ini|log|cf|passwd|pdb)\b)|proc\/(?:self|version|cmdline|cpuinfo|meminfo|mounts|net|sched_debug|interrupts|\d+|[a-z]{3,16}\b)|(?:usr\/local|usr|opt|home|root|var|srv)\/(?:[\w.@+~-]{1,64}\/){0,8}[\w.@+~-]{0,64}(?:passwd|shadow|(?:access|error)[_.-]?log|\.log|\.conf|\.cnf|\.ini|id_rsa|authorized_keys|known_hosts|history|\.bash\w{0,12}|\.ssh|\.aws|messages|utmp|wtmp|lastlog|secure|maillog|syslog|dmesg|htpasswd|httpd|paniclog|mainlog|rejectlog|xferlog)|windows\/(?:win\.ini|system\.ini|system32|repair|php\.ini|my\.ini|debug|panther|iis\d?\.log|sysprep|setup)|winnt\/|system32\/|appserv\/|apache group\/|boot\.ini\b|autoexec\.bat|win\.ini\b|inetpub\/|program files[^/]{0,8}\/|documents and settings\/|system volume information|web-inf\/|meta-inf\/|sys\/(?:class|devices|kernel)|dev\/(?:tcp|udp|random|urandom|zero|mem|kmem|sd[a-z]|hd[a-z])\b|boot\/grub|\.ssh\/|\.aws\/credentials|\.git\/(?:config|head|index)|\.htaccess|\.htpasswd|\.env\b(?![\w(])|wp-config\.php|(?:xampp|wamp|apache\d?|mysql|php\d?)\/(?:[\w.-]{1,64}\/){0,4}[\w.-]{1,64}\.(?:log|conf|ini|cnf|err))/i;

/** Begins as a stream, not as a page that one links to. */
const WRAPPER =
  /(?:^|[=\s"'(;,])(?:php:\/\/(?:filter|input|fd|memory|temp|output|stdin)|phar:\/\/|zip:\/\/|expect:\/\/|glob:\/\/|compress\.\w+:\/\/|ogg:\/\/|ssh2\.|rar:\/\/|jar:(?:file|https?):|netdoc:|file:\/{1,3}[^/\s]|data:\/\/)/i;

/** Two dots, or more that a filter leaves two of, between separators, in whatever is one to somebody. */
const CLIMB = /(?:^|[\\/=:;,?&"'(\s])\.{2,8}[;\s]{0,2}(?=[\\/]|$)/g;
const CLIMB_PLAIN = /(?:^|[\\/=])\.\.[\\/]/;
/** Separators of either kind, doubled, with `.` between them: one separator. */
const SEPARATORS = /[\\/]+(?:\.[\\/]+)*/g;
const ONLY_CLIMB = /^[\\/;]*\.\.(?:[\\/;][\\/;.]*)?$/;
/** The names of files everybody tries, with whatever stands for separators. */
const FAMOUS =
  /etc[^a-z\s]{1,32}(?:passwd|shadow|issue|hosts|group)|(?:boot|win)\.ini\b|system32[^a-z\s]{1,32}(?:drivers|config)|(?:\.|%|0x2e){2}\S{0,64}etc\S{0,16}passwd/i;
const HEX_SEPARATOR = /0x(2e|2f|5c)/gi;
const DOT_SLASHES = /(?:\.[\\/]){20,}|(?:[\\/]\.){20,}|\.{40,}/;
/** A file of a system's configuration, named from its root. */
const ROOTED =
  /^\/(?:etc|proc|sys)\/[\w.@/+~-]{2,200}\s{0,4}(?:\0|%00|$)|^\/(?:usr|opt|var|home|root|srv)\/(?:[\w.@+~-]+\/){0,8}(?:etc|conf|logs?|ssl|secret|private|\.\w+)\/[\w.@+~-]+$/;
/** Windows' device and share paths. */
const DEVICE = /^(?:\\\\[\w.?-]+\\[\w$.-]+|[a-z]:[\\/](?:\w|\.\.))/i;
const LISTING =
  /^[\\/]?(?:\.git|\.svn|\.hg|\.aws|\.ssh|\.docker|\.kube|\.vscode|\.idea|\.cursor|\.aider|\.continue|\.npmrc|\.env(?:\.\w+)?|\.htaccess|\.htpasswd|\.DS_Store|\.bash_history)(?:[\\/]|$)/i;

/** Prose and markup that speak of a folder above: words around, or a link. */
const SURROUNDED = /[a-z]{2,} +[a-z(]{2,}|<a\s|\]\(/i;

/** Notes what a text holds of paths that lead out. */
export function inspectTraversal(
  text: string,
  characters: number,
  part: Place['part'],
  notes: Notes,
): void {
  if (
    (characters & (HAS.slash | HAS.backslash | HAS.dots | HAS.colon)) === 0 &&
    !/0x(?:2e|2f|5c)|(?:boot|win)\.ini|\.htaccess|\.env/i.test(text)
  )
    return;
  const path = text.replace(HEX_SEPARATOR, (_, code: string) =>
    code.toLowerCase() === '2e' ? '.' : '/',
  );
  let climbs = 0;
  let first = -1;
  let last = 0;
  for (const match of path.matchAll(CLIMB)) {
    if (first === -1) first = match.index;
    climbs++;
    last = match.index + match[0].length;
    if (climbs > 50) break;
  }
  const surrounded = SURROUNDED.test(path.slice(0, 400)) || (climbs < 2 && /^https?:/i.test(path));
  const simple = path.replace(SEPARATORS, '/');
  const sensitive = SENSITIVE.exec(simple);
  if (climbs > 0) {
    const tail = path.slice(last, last + 200);
    const begins = first <= 1 || /^[\w.:\\/~-]*$/.test(path.slice(0, first));
    const score =
      climbs > 2
        ? 5
        : climbs === 2
          ? surrounded
            ? 2
            : 5
          : surrounded
            ? 1
            : begins && /^[\\/.]*[\w.-]*/.test(tail) && CLIMB_PLAIN.test(path)
              ? 5
              : begins
                ? 4
                : 2;
    notes.add(
      'traversal',
      'traversal-climb',
      surrounded && !begins && climbs < 4 ? Math.min(score, 2) : score,
      Math.max(0, first),
    );
    if (ONLY_CLIMB.test(path)) notes.add('traversal', 'traversal-climb', 5, 0);
    if (sensitive !== null) notes.add('traversal', 'traversal-file', 3, sensitive.index);
  } else if (sensitive !== null) {
    const begins =
      /^[\w/.:-]{0,8}$/.test(simple.slice(0, sensitive.index + 1)) ||
      simple.length - sensitive[0].length < 24;
    notes.add(
      'traversal',
      'traversal-file',
      surrounded ? (begins ? 3 : 1) : begins || path.length < 400 ? 5 : 3,
      sensitive.index,
    );
  }
  if (!surrounded && ROOTED.test(simple)) notes.add('traversal', 'traversal-rooted', 5, 0);
  const famous = FAMOUS.exec(path);
  if (famous !== null && !surrounded) notes.add('traversal', 'traversal-famous', 5, famous.index);
  const wrapper = WRAPPER.exec(path);
  if (wrapper !== null)
    notes.add('traversal', 'traversal-wrapper', surrounded ? 2 : 5, wrapper.index);
  const dots = DOT_SLASHES.exec(path);
  if (dots !== null && /[\\/]/.test(path))
    notes.add('traversal', 'traversal-overlong', 5, dots.index);
  if (part !== 'header' && !surrounded && DEVICE.test(path))
    notes.add(
      'traversal',
      'traversal-device',
      part === 'file' ? 2 : path.startsWith('\\\\') ? 5 : 3,
      0,
    );
  if (part === 'path' && LISTING.test(path)) notes.add('traversal', 'traversal-hidden', 5, 0);
}
