/**
 * The series of a metric by the values of its labels, found through one map for each label, so
 * that no key is put together. When there are as many as may be, further ones share one.
 */
import type { Labels } from './family.ts';
import { OVERFLOW_LABELS } from './http-series.ts';
import type { Overflow } from './overflow.ts';

/** Values of labels, in the order in which they were declared, or by name. */
export type LabelValues = readonly string[] | Readonly<Record<string, string>>;

interface Node<C> {
  readonly below: Map<string, Node<C>>;
  child: C | undefined;
}

export class Children<C> {
  readonly all: C[] = [];
  private readonly owner: string;
  private readonly names: readonly string[];
  private readonly make: (labels: Labels) => C;
  private readonly overflow: Overflow;
  private readonly root: Node<C> = { below: new Map(), child: undefined };
  private rest: C | undefined = undefined;

  constructor(
    owner: string,
    names: readonly string[],
    overflow: Overflow,
    make: (labels: Labels) => C,
  ) {
    this.owner = owner;
    this.names = names;
    this.overflow = overflow;
    this.make = make;
  }

  /** @throws TypeError for labels that were not declared, and for too few */
  of(values: LabelValues): C {
    const list = this.inOrder(values);
    let node: Node<C> | undefined = this.root;
    for (let at = 0; at < list.length && node !== undefined; at++) node = node.below.get(list[at]!);
    return node?.child ?? this.add(list);
  }

  private inOrder(values: LabelValues): readonly string[] {
    const list = Array.isArray(values)
      ? (values as readonly string[])
      : this.names.map((name) => (values as Readonly<Record<string, string>>)[name]);
    const given = Array.isArray(values) ? list.length : Object.keys(values).length;
    if (given !== this.names.length || !list.every((value) => typeof value === 'string')) {
      throw new TypeError(
        `metrics: "${this.owner}" takes ${this.names.length === 0 ? 'no labels' : `a text for each of the labels ${this.names.join(', ')}`}, but was given ${JSON.stringify(values)}.`,
      );
    }
    return list;
  }

  private add(list: readonly string[]): C {
    if (!this.overflow.admits(this.all.length, `${this.owner} ${JSON.stringify(list)}`)) {
      this.rest ??= this.keep(OVERFLOW_LABELS);
      return this.rest;
    }
    let node = this.root;
    for (const value of list) {
      let next = node.below.get(value);
      if (next === undefined) {
        next = { below: new Map(), child: undefined };
        node.below.set(value, next);
      }
      node = next;
    }
    node.child = this.keep(
      Object.freeze(Object.fromEntries(this.names.map((name, at) => [name, list[at]!]))),
    );
    return node.child;
  }

  private keep(labels: Labels): C {
    const child = this.make(labels);
    this.all.push(child);
    return child;
  }
}
