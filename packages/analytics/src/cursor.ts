/** Where a page begins, in a form that is opaque to clients: the report, its period, and a key. */

/** A period that begins and ends where rows do. */
export interface Period {
  readonly fromAt: number;
  readonly toAt: number;
}

/** What a cursor stands for. */
export interface Position extends Period {
  /** The key of the last item before the page. */
  readonly after: readonly (string | number)[];
}

export function encodeCursor(
  report: string,
  { fromAt, toAt }: Period,
  after: readonly (string | number)[],
): string {
  return Buffer.from(JSON.stringify([report, fromAt, toAt, ...after])).toString('base64url');
}

/** The position of a cursor; nothing where it is none, or another report's. */
export function decodeCursor(report: string, cursor: string): Position | undefined {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(decoded)) return undefined;
    const [ofReport, fromAt, toAt, ...after] = decoded as unknown[];
    const isPeriod = Number.isSafeInteger(fromAt) && Number.isSafeInteger(toAt);
    if (ofReport !== report || !isPeriod || !after.every(isScalar)) return undefined;
    return { fromAt: fromAt as number, toAt: toAt as number, after };
  } catch {
    return undefined;
  }
}

function isScalar(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}
