/** What became of one item, and how the batch tells it. */
import type { OutgoingHttpHeaders } from 'node:http';
import { PROBLEM_JSON, problemDocument, type ProblemError } from '@org/core';

import { cookieLines, toldHeaders } from './item-headers.ts';

/** An item's answer. */
export interface Outcome {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Members of the item that tell its body, as JSON text; empty for none. */
  readonly told: string;
  /** The body, where it is JSON. */
  readonly json: unknown;
  /** For the response of the batch: in JSON any script could read them. */
  readonly cookies: readonly string[];
}

/** The outcome of an answer that came. `bytes` are those of its body, without any coding. */
export function answered(status: number, headers: OutgoingHttpHeaders, bytes: Buffer): Outcome {
  const common = { status, headers: toldHeaders(headers), cookies: cookieLines(headers) };
  if (bytes.length === 0) return { ...common, told: '', json: undefined };
  const type = String(headers['content-type'] ?? '');
  const isCoded = headers['content-encoding'] !== undefined;
  if (!isCoded && TEXT.test(type)) {
    const text = decode(bytes);
    const json = text !== undefined && JSON_TYPE.test(type) ? parse(text) : undefined;
    // As it was sent: read and written again, large numbers would be others.
    if (json !== undefined) return { ...common, told: `,"body":${text}`, json };
    if (text !== undefined) {
      return { ...common, told: `,"body":${JSON.stringify(text)}`, json: undefined };
    }
  }
  const told = `,"body":"${bytes.toString('base64')}","bodyEncoding":"base64"`;
  // A coding that the application has chosen by itself is part of these bytes.
  const coding = isCoded ? { 'content-encoding': String(headers['content-encoding']) } : {};
  return { ...common, headers: { ...common.headers, ...coding }, told, json: undefined };
}

/** The outcome of an item that was not asked for, or whose answer did not come. */
export function failed(error: ProblemError): Outcome {
  const document = problemDocument(error);
  const headers: Record<string, string> = { 'content-type': PROBLEM_JSON };
  for (const [name, value] of Object.entries(error.headers)) headers[name.toLowerCase()] = value;
  return {
    status: error.status,
    headers,
    told: `,"body":${JSON.stringify(document)}`,
    json: document,
    cookies: [],
  };
}

/** An item of the response. */
export function tell(id: string, { status, headers, told }: Outcome): string {
  return `{"id":"${id}","status":${status},"headers":${JSON.stringify(headers)}${told}}`;
}

const JSON_TYPE = /^[^;]*[/+]json\s*(?:;|$)/i;
/** Types that are text, in UTF-8 unless they say otherwise. */
const TEXT =
  /^(?:text\/[\w.+-]+|application\/(?:[\w.-]+\+)?(?:json|xml)|application\/(?:javascript|x-www-form-urlencoded|x-ndjson))\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
