/** What an inspection finds: a threat, by which rules, where, and the text that shows it. */

/** `bomb`: more depth, members or text than a request needs. */
export type Threat =
  | 'sqli'
  | 'xss'
  | 'command'
  | 'traversal'
  | 'template'
  | 'nosql'
  | 'pollution'
  | 'header'
  | 'ssrf'
  | 'bomb';

/** All classes of threats. */
export const THREATS: readonly Threat[] = Object.freeze<Threat[]>([
  'sqli',
  'xss',
  'command',
  'traversal',
  'template',
  'nosql',
  'pollution',
  'header',
  'ssrf',
  'bomb',
]);

/** The part of a request that a value came from. */
export type Part = 'path' | 'query' | 'header' | 'cookie' | 'body' | 'file';

/** Where a value stood. */
export interface Place {
  readonly part: Part;
  /** Name of the parameter, header or cookie, or the path of a member, such as `user.name` or `items[].title`. */
  readonly name: string;
}

/** One reason to think so. Scores of several rules add up. */
export interface Evidence {
  /** Stable name of the rule, such as `sqli-tautology`. */
  readonly rule: string;
  readonly score: number;
}

/** One threat in one value. */
export interface Finding {
  readonly threat: Threat;
  /** The rule that weighs most. */
  readonly rule: string;
  readonly place: Place;
  /** The text around it, at most 80 characters, without control characters. For operators, never for clients. */
  readonly excerpt: string;
  /** Sum of the evidence, at most 10. */
  readonly score: number;
  readonly evidence: readonly Evidence[];
}

const MAX_EXCERPT = 80;
/** C0, DEL and C1 controls, line separators, and what turns the direction of text: none belongs into a log. */
// oxlint-disable-next-line no-control-regex
const MASKED = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text around `at`, fit for a log line. */
export function excerptOf(text: string, at: number): string {
  const start = Math.max(0, Math.min(at - 16, text.length - MAX_EXCERPT));
  const end = Math.min(text.length, start + MAX_EXCERPT);
  const cut = text.slice(start, end);
  return `${start > 0 ? '…' : ''}${cut.replace(MASKED, '·')}${end < text.length ? '…' : ''}`;
}
