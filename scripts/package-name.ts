/** The name of a package and the names in its code that follow from it; pure, to be tested alone. */
import ts from 'typescript';

export interface PackageNames {
  /** `rate-limit`: the folder, the files, the component. */
  readonly kebab: string;
  /** `rateLimit`: the factory. */
  readonly camel: string;
  /** `RateLimit`: what types begin with. */
  readonly pascal: string;
  /** `RATE_LIMIT`: what constants begin with. */
  readonly constant: string;
}

export function namesOf(kebab: string): PackageNames {
  const pascal = kebab.replace(/(?:^|-)(.)/g, (_match, letter: string) => letter.toUpperCase());
  return {
    kebab,
    camel: kebab.charAt(0) + pascal.slice(1),
    pascal,
    constant: kebab.replaceAll('-', '_').toUpperCase(),
  };
}

/**
 * Why a package cannot be named so, if it cannot. `taken` are names of packages that exist,
 * `imported` names that the code of a new package imports from others.
 */
export function nameFault(
  kebab: string,
  taken: readonly string[],
  imported: ReadonlySet<string>,
): string | undefined {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(kebab)) {
    return `"${kebab}" is no package name: it is lower-case words joined by single hyphens, as in rate-limit`;
  }
  // npm allows 214 characters with the scope; a component's name should fit on a line.
  if (kebab.length > 50) return `"${kebab}" is longer than 50 characters`;
  if (taken.includes(kebab)) return `packages/${kebab} exists already`;
  const { camel } = namesOf(kebab);
  if (isReserved(camel)) {
    return `"${kebab}" would name its factory ${camel}, which is a word of JavaScript: add another word`;
  }
  if (imported.has(camel)) {
    return `"${kebab}" would name its factory ${camel}, as something is named that its code imports: add another word`;
  }
  return undefined;
}

function isReserved(word: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2023, false);
  scanner.setText(word);
  const token = scanner.scan();
  return token >= ts.SyntaxKind.FirstReservedWord && token <= ts.SyntaxKind.LastFutureReservedWord;
}
