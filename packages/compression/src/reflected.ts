/**
 * Whether an answer may be what BREACH needs: a secret, and beside it text of the
 * attacker's, who can send requests in the name of others but not read what comes back.
 * He guesses the secret piece by piece, and sees by the length whether a guess was right.
 */
import type { Credentials, Exchange, ResponseHead } from '@org/core';
import type { Request } from 'express';

/** Shorter pieces than the shortest match of DEFLATE (RFC 1951 §3.2.5) tell nothing by the length. */
const PIECE: RegExp = /[\p{L}\p{N}_.~-]{3,}/gu;
/** What is left of a piece where letters beyond ASCII are escaped (`\u00e9`, `&eacute;`). */
const ASCII_PIECE: RegExp = /[\w.~-]{3,}/g;
/** More than this is not looked for one by one: it counts as reflected. So the cost stays linear. */
const MAX_PIECES = 32;
/** Values and levels of a body that are looked at. */
const MAX_VALUES = 256;
const MAX_DEPTH = 16;

/** What of a request might be reflected: the pieces, or more than can be told. */
export type Pieces = ReadonlySet<string> | 'many';

/** A secret may be in an answer that depends on who asks, or that says who asks from now on. */
export function mayHoldSecret(
  exchange: Exchange,
  head: ResponseHead,
  credentials: Credentials,
): boolean {
  return credentials.carriedBy(exchange.req) || head.has('set-cookie');
}

/**
 * The pieces of a request's query and parsed body, names as well as values. They are runs
 * of letters and digits: such a run stands in the answer as it was sent, however the rest is
 * escaped there.
 */
export function piecesOf(req: Request): Pieces {
  const pieces = new Set<string>();
  const url = req.originalUrl ?? req.url;
  const query = url.indexOf('?');
  if (query !== -1) {
    for (const [name, value] of new URLSearchParams(url.slice(query + 1))) {
      if (!collect(name, pieces) || !collect(value, pieces)) return 'many';
    }
  }
  const budget = { values: MAX_VALUES };
  return walk(req.body, pieces, budget, 0) ? pieces : 'many';
}

/** Whether any of them stands in a body. */
export function isReflected(pieces: Pieces, body: Buffer): boolean {
  if (pieces === 'many') return true;
  for (const piece of pieces) if (body.includes(piece)) return true;
  return false;
}

/** False: too many. */
function collect(text: string, pieces: Set<string>): boolean {
  for (const [piece] of text.matchAll(PIECE)) {
    pieces.add(piece);
    for (const [part] of piece.matchAll(ASCII_PIECE)) pieces.add(part);
    if (pieces.size > MAX_PIECES) return false;
  }
  return true;
}

/** False: too much. */
function walk(
  value: unknown,
  pieces: Set<string>,
  budget: { values: number },
  depth: number,
): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return true;
  if (--budget.values < 0 || depth > MAX_DEPTH) return false;
  if (typeof value === 'string') return collect(value, pieces);
  if (typeof value === 'number' || typeof value === 'bigint') return collect(String(value), pieces);
  if (value instanceof Uint8Array) return collect(Buffer.from(value).toString('latin1'), pieces);
  if (typeof value !== 'object') return true;
  for (const [name, member] of Object.entries(value)) {
    if (!Array.isArray(value) && !collect(name, pieces)) return false;
    if (!walk(member, pieces, budget, depth + 1)) return false;
  }
  return true;
}
