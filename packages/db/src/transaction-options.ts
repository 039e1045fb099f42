/** What a transaction can be told, and how that is said to the server. */
import {
  boolean,
  type Check,
  type Checks,
  durationMs,
  type Given,
  integer,
  oneOf,
  resolveOptions,
} from '@org/core';

/**
 * What to do where a transaction is open already. `required`: take part in it. `savepoint`: a part of
 * it that can be rolled back alone. `requires-new`: another transaction, on another connection.
 */
export type Propagation = 'required' | 'requires-new' | 'savepoint';

/** What a transaction sees of others; what Postgres calls its isolation level. */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/** How a transaction begins. */
export interface TransactionSettings {
  /** The server refuses writes. @default false */
  readonly readOnly: boolean;
  /** @default the server's, which is "read committed" */
  readonly isolation: Isolation | undefined;
  /** How long the whole of it may take, in ms; the request's deadline holds besides. @default no limit of its own */
  readonly timeoutMs: number | undefined;
}

/** One transaction. */
export interface TransactionOptions extends TransactionSettings {
  /** @default "required" */
  readonly propagation: Propagation;
  /**
   * How often the whole work is done again after a serialisation failure or a deadlock. Only for work
   * that does nothing outside of the transaction. @default 0
   */
  readonly retries: number;
}

export const TRANSACTION_DEFAULTS: Readonly<TransactionOptions> = Object.freeze<TransactionOptions>(
  {
    propagation: 'required',
    readOnly: false,
    isolation: undefined,
    timeoutMs: undefined,
    retries: 0,
  },
);

const SETTINGS_CHECKS: Checks<TransactionSettings> = {
  readOnly: boolean(),
  isolation: oneOf('read committed', 'repeatable read', 'serializable'),
  timeoutMs: durationMs({ min: 1 }),
};

const CHECKS: Checks<TransactionOptions> = {
  ...SETTINGS_CHECKS,
  propagation: oneOf('required', 'requires-new', 'savepoint'),
  retries: integer({ min: 0, max: 100 }),
};

/** @throws OptionError for unknown or wrong options */
export function transactionOptions(
  given: Given<TransactionOptions> | undefined,
): Readonly<TransactionOptions> {
  if (given === undefined) return TRANSACTION_DEFAULTS;
  return resolveOptions('transaction', TRANSACTION_DEFAULTS, CHECKS, given);
}

/** What a whole request's unit of work can be told: `false`, `true`, or how its transaction begins. */
export type UnitOfWorkOption = boolean | Given<TransactionSettings>;

const UNIT_DEFAULTS: Readonly<TransactionSettings> = Object.freeze<TransactionSettings>({
  readOnly: false,
  isolation: undefined,
  timeoutMs: undefined,
});

/** The form of the option; its members are checked by `unitOfWork`. */
export const UNIT_OF_WORK: Check<UnitOfWorkOption> = {
  expected: 'true, false, or { readOnly, isolation, timeoutMs }',
  accepts: (value): value is UnitOfWorkOption =>
    typeof value === 'boolean' ||
    (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

/** @throws OptionError for unknown or wrong members */
export function unitOfWorkSettings(given: UnitOfWorkOption): TransactionOptions | undefined {
  if (given === false) return undefined;
  const settings = resolveOptions(
    'unitOfWork',
    UNIT_DEFAULTS,
    SETTINGS_CHECKS,
    given === true ? undefined : given,
  );
  return Object.freeze({ ...TRANSACTION_DEFAULTS, ...settings });
}

/** The server's own limits, in ms; 0: none. */
export interface ServerLimits {
  readonly statementMs: number;
  readonly idleMs: number;
}

/** What begins a transaction, with its limits, in one round trip. */
export function beginText(
  { isolation, readOnly }: TransactionSettings,
  { statementMs, idleMs }: ServerLimits,
): string {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  const access = readOnly ? ' READ ONLY' : '';
  const statement = statementMs > 0 ? `; SET LOCAL statement_timeout = ${statementMs}` : '';
  const idle = idleMs > 0 ? `; SET LOCAL idle_in_transaction_session_timeout = ${idleMs}` : '';
  return `BEGIN${level}${access}${statement}${idle}`;
}
