/** Everything that is wrong with a configuration, told at once. */

import type { ConfigWarning } from './warnings.ts';

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Name of the setting, or of the option that named a file. */
  readonly name: string;
  /** The refused value as it may be shown; secrets are masked. */
  readonly value?: string;
  /** Where it was written: `environment`, `code`, or the path of a file. */
  readonly source: string;
  /** Completes "must be …". */
  readonly expected?: string;
  /** The valid name that was probably meant. */
  readonly suggestion?: string;
  /** All of it, in one sentence or two. */
  readonly message: string;
}

/** A configuration that nothing can start with. */
export class ConfigError extends Error {
  readonly code: 'ERR_CONFIG' = 'ERR_CONFIG';
  readonly problems: readonly ConfigProblem[];
  /** What looked strange on the way, such as names that are nearly ours. */
  readonly warnings: readonly ConfigWarning[];

  constructor(problems: readonly ConfigProblem[], warnings: readonly ConfigWarning[] = []) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(
      [`${count} in the configuration:`, ...problems.map(({ message }) => `  ${message}`)].join(
        '\n',
      ),
    );
    this.name = 'ConfigError';
    this.problems = Object.freeze([...problems]);
    this.warnings = Object.freeze([...warnings]);
  }
}
