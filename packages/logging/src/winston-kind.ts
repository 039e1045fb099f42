/**
 * Which of winston's own transports one is, told by its class and without winston itself: whoever
 * gives one has loaded it, and everybody else need not.
 */
import type winston from 'winston';

/** Winston's transports that print the text of a line and nothing else. */
export type WinstonKind = 'Console' | 'File' | 'Stream';

const KINDS: ReadonlySet<string> = new Set<WinstonKind>(['Console', 'File', 'Stream']);
/** The class that winston's transports extend directly. */
const BASE = 'TransportStream';

/** Undefined for all others, and for classes that extend winston's, which may do more. */
export function kindOf(transport: winston.transport): WinstonKind | undefined {
  const { constructor } = transport;
  const { name: base } = Object.getPrototypeOf(constructor) as { readonly name: string };
  return base === BASE && KINDS.has(constructor.name)
    ? (constructor.name as WinstonKind)
    : undefined;
}
