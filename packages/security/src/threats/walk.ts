/**
 * Walks objects and lists without recursion: a stack of ours has no end that a client may
 * reach. Depth is bounded here, the number of members by whoever is told of them.
 */

export interface Visitor {
  /** Before each member and element; `false` ends the walk. */
  spend(): boolean;
  /** The name of a member. */
  name(name: string): void;
  /** A text; `path` as in `user.name` or `items[].title`, `key` its last part. */
  text(path: string, key: string, text: string): void;
  /** Something nests deeper than is walked; ends the walk. */
  tooDeep(path: string): void;
}

/** Longer paths are told by their end. */
const MAX_PATH = 256;

interface Item {
  readonly value: object;
  readonly path: string;
  readonly depth: number;
}

/** Walks `root`, whose own path is `path`. */
export function walk(root: object, path: string, maxDepth: number, visitor: Visitor): void {
  const stack: Item[] = [{ value: root, path, depth: 1 }];
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (item.depth > maxDepth) {
      visitor.tooDeep(item.path);
      return;
    }
    const list = Array.isArray(item.value);
    for (const key of Object.keys(item.value)) {
      if (!visitor.spend()) return;
      const member = (item.value as Record<string, unknown>)[key];
      const at = list ? `${item.path}[]` : item.path === '' ? key : `${item.path}.${key}`;
      if (!list) {
        visitor.name(key);
        if (key === 'constructor' && hasPrototype(member)) visitor.name('constructor.prototype');
      }
      if (typeof member === 'string') visitor.text(at, key, member);
      else if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) {
        stack.push({ value: member, path: at.slice(-MAX_PATH), depth: item.depth + 1 });
      }
    }
  }
}

function hasPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
}
