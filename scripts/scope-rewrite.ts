/** What a change of the family's scope means to a text: pure, so that it can be tested alone. */

export interface Rename {
  /** With its `@`. */
  readonly from: string;
  /** With its `@`. */
  readonly to: string;
  /** Commands that packages install; most bear the scope, without its `@`, as their first part. */
  readonly commands: readonly string[];
}

export interface Rewritten {
  readonly text: string;
  readonly count: number;
}

/**
 * The text with its scope changed everywhere: package names, imports, the export condition, and
 * registered symbols and channel names too, because a renamed family is a family of its own, and
 * must not take another's components for its own.
 */
export function rewrite(text: string, { from, to, commands }: Rename): Rewritten {
  let count = 0;
  const replaced = (replacement: string) => (): string => {
    count += 1;
    return replacement;
  };
  // Not `me@org.example`, not `@organic`, not `@org-next`.
  const scope = new RegExp(`(?<![\\w.-])${escape(from)}(?![\\w-])`, 'g');
  let result = text.replace(scope, replaced(to));
  for (const command of commands) {
    const word = new RegExp(`(?<![\\w/@-])${escape(command)}(?![\\w-])`, 'g');
    result = result.replace(word, replaced(renamedCommand(command, from, to)));
  }
  return { text: result, count };
}

/** A command is renamed by its first part; one that does not begin with the scope stays. */
export function renamedCommand(command: string, from: string, to: string): string {
  const prefix = `${from.slice(1)}-`;
  return command.startsWith(prefix) ? `${to.slice(1)}-${command.slice(prefix.length)}` : command;
}

/** npm's grammar for a scope, and the length that it leaves to the names within. */
export function scopeFault(scope: string, names: readonly string[]): string | undefined {
  if (!/^@[a-z0-9](?:[a-z0-9._~-]*[a-z0-9])?$/.test(scope)) {
    return `${scope} is no npm scope: it is @ and lower-case letters, digits, and - . _ ~ between them, as in @acme`;
  }
  const tooLong = names.map((name) => `${scope}/${name}`).find((name) => name.length > 214);
  return tooLong === undefined ? undefined : `${tooLong} is longer than the 214 characters of npm`;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
