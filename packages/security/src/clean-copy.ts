/**
 * A copy of what a client sent without what is dangerous in it. What holds data is copied, plain
 * objects and lists; anything else, such as a buffer or a date of a parser's, is passed on as it is.
 */
import { ProblemError } from '@org/core';

import type { CleanHtml, Duplicates } from './sanitise-options.ts';

export interface CopyRules {
  readonly dropOperators: boolean;
  readonly maxDepth: number;
  readonly maxKeys: number;
}

/** Names of fields that hold HTML, one level of a tree each; `*` stands for any. */
export interface HtmlFields {
  readonly isHtml: boolean;
  readonly below: ReadonlyMap<string, HtmlFields>;
}

/** Keys that lead to the prototype of what they are copied into. */
const POLLUTING: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Copies one part of a request. */
export class Copier {
  /** Keys that were left out. */
  dropped: number = 0;
  private readonly rules: CopyRules;
  private readonly cleanHtml: CleanHtml;
  private keys: number = 0;

  constructor(rules: CopyRules, cleanHtml: CleanHtml) {
    this.rules = rules;
    this.cleanHtml = cleanHtml;
  }

  /** @throws ProblemError 400 for what is nested too deeply, or has too many members */
  copy(value: unknown, html: HtmlFields | undefined, depth: number = 0): unknown {
    if (typeof value === 'string') return html?.isHtml === true ? this.cleanHtml(value) : value;
    const isList = Array.isArray(value);
    if (!isList && !isPlain(value)) return value;
    if (depth >= this.rules.maxDepth) throw tooDeep(this.rules.maxDepth);
    return isList ? this.copyList(value, html, depth) : this.copyObject(value, html, depth);
  }

  private copyList(
    list: readonly unknown[],
    html: HtmlFields | undefined,
    depth: number,
  ): unknown[] {
    this.count(list.length);
    // Of a field that holds HTML, given several times, each does.
    const below = html?.below.get('*') ?? (html?.isHtml === true ? html : undefined);
    return list.map((member) => this.copy(member, below, depth + 1));
  }

  private copyObject(
    object: Readonly<Record<string, unknown>>,
    html: HtmlFields | undefined,
    depth: number,
  ): Record<string, unknown> {
    const names = Object.keys(object);
    this.count(names.length);
    const copy: Record<string, unknown> = {};
    for (const name of names) {
      if (this.isDangerous(name)) {
        this.dropped++;
        continue;
      }
      const below = html?.below.get(name) ?? html?.below.get('*');
      copy[name] = this.copy(object[name], below, depth + 1);
    }
    return copy;
  }

  private isDangerous(name: string): boolean {
    if (POLLUTING.has(name)) return true;
    return this.rules.dropOperators && (name.startsWith('$') || name.includes('.'));
  }

  private count(members: number): void {
    this.keys += members;
    if (this.keys > this.rules.maxKeys) throw tooMany(this.rules.maxKeys);
  }
}

/** Parameters of which there should be one each, with those given several times folded. */
export function foldDuplicates(
  parameters: unknown,
  duplicates: Duplicates,
  repeatable: ReadonlySet<string>,
): unknown {
  if (duplicates === 'keep' || !isPlain(parameters)) return parameters;
  let folded: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(parameters)) {
    if (!Array.isArray(value) || repeatable.has(name)) continue;
    if (duplicates === 'error') throw duplicate();
    folded ??= { ...parameters };
    folded[name] = (value as readonly unknown[]).at(duplicates === 'first' ? 0 : -1);
  }
  return folded ?? parameters;
}

/** Fields such as `body.items.*.text` as a tree. */
export function htmlFields(fields: readonly string[]): HtmlFields {
  interface Growing {
    isHtml: boolean;
    readonly below: Map<string, Growing>;
  }
  const root: Growing = { isHtml: false, below: new Map() };
  for (const field of fields) {
    let at = root;
    for (const name of field.split('.')) {
      const next = at.below.get(name) ?? { isHtml: false, below: new Map() };
      at.below.set(name, next);
      at = next;
    }
    at.isHtml = true;
  }
  return root;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function tooDeep(maxDepth: number): ProblemError {
  return new ProblemError({
    code: 'ERR_INPUT_TOO_DEEP',
    status: 400,
    detail: `The request is nested more than ${maxDepth} deep.`,
  });
}

function tooMany(maxKeys: number): ProblemError {
  return new ProblemError({
    code: 'ERR_INPUT_TOO_MANY_KEYS',
    status: 400,
    detail: `The request has more than ${maxKeys} members.`,
  });
}

function duplicate(): ProblemError {
  return new ProblemError({
    code: 'ERR_DUPLICATE_PARAMETER',
    status: 400,
    detail: 'A parameter that may be given once was given several times.',
  });
}
