/**
 * The one shape that all formats are made of: who called whom, and what each cost, by functions
 * as people know them. Calls of one function from one caller are one node, wherever V8 or a
 * source map had several.
 */
import type { Capture, CaptureKind } from './capture.ts';
import type { V8CallFrame, V8CpuProfile, V8HeapNode, V8HeapProfile } from './v8-profile.ts';

/** A function. */
export interface CodeFrame {
  readonly name: string;
  /** Empty for what is no code of anybody's, such as the garbage collector. */
  readonly file: string;
  /** From 1; 0 where it is not known. */
  readonly line: number;
  readonly column: number;
}

/** A function as it was called from where its parent stands. */
export interface CallNode {
  readonly frame: CodeFrame;
  /** What it cost itself, in the unit of the tree. */
  self: number;
  /** With all that it called. */
  total: number;
  readonly children: Map<string, CallNode>;
}

/** What a profile has cost: µs of a CPU profile, bytes of a heap profile. */
export interface CallTree {
  readonly kind: CaptureKind;
  readonly root: CallNode;
  /** Stacks in the order in which they were met, innermost last, with what each cost. */
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** Empty while the thread was idle. */
  readonly stack: readonly CodeFrame[];
  weight: number;
}

/** Names a function of V8's by what the source maps say. */
export type Locate = (frame: V8CallFrame) => CodeFrame;

/** A capture's profile, read. */
export type ReadProfile =
  | { readonly kind: 'cpu'; readonly profile: V8CpuProfile }
  | { readonly kind: 'heap'; readonly profile: V8HeapProfile };

export function readProfile({ kind, profile }: Pick<Capture, 'kind' | 'profile'>): ReadProfile {
  const read: unknown = JSON.parse(Buffer.from(profile).toString());
  return kind === 'cpu'
    ? { kind, profile: read as V8CpuProfile }
    : { kind, profile: read as V8HeapProfile };
}

/** The tree of a profile. */
export function callTree(read: ReadProfile, locate: Locate): CallTree {
  return read.kind === 'cpu' ? cpuTree(read.profile, locate) : heapTree(read.profile, locate);
}

/** The files that the functions of a profile are in. */
export function filesOf(read: ReadProfile): ReadonlySet<string> {
  if (read.kind === 'cpu') return new Set(read.profile.nodes.map(({ callFrame }) => callFrame.url));
  const files = new Set<string>();
  const add = ({ callFrame, children }: V8HeapNode): void => {
    files.add(callFrame.url);
    children.forEach(add);
  };
  add(read.profile.head);
  return files;
}

/** What tells one function from another. */
export function frameKey({ name, file, line }: CodeFrame): string {
  return `${name}\n${file}\n${line}`;
}

/** The same from one release to the next, where lines move; only what has no name has to be known by its line. */
export function lastingKey(frame: CodeFrame): string {
  return frame.name === '(anonymous)' ? frameKey(frame) : `${frame.name}\n${frame.file}`;
}

function cpuTree(profile: V8CpuProfile, locate: Locate): CallTree {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const root = emptyNode(ROOT);
  const places = new Map<number, { readonly node: CallNode; readonly stack: CodeFrame[] }>();
  const samples: Sample[] = [];
  // V8 lists callers ahead of what they call.
  for (const { id, callFrame, children = [] } of profile.nodes) {
    const place = places.get(id) ?? { node: root, stack: [] };
    places.set(id, place);
    for (const child of children) {
      const { callFrame: called } = byId.get(child)!;
      // Idle time is no work: it would be most of every picture.
      if (callFrame.functionName === '(root)' && called.functionName === '(idle)') continue;
      const frame = locate(called);
      places.set(child, { node: childOf(place.node, frame), stack: [...place.stack, frame] });
    }
  }
  const ids = profile.samples ?? [];
  const deltas = profile.timeDeltas ?? [];
  let at = profile.startTime + (deltas[0] ?? 0);
  for (const [index, id] of ids.entries()) {
    // A sample stands for the time until the next. V8 may write them down out of order.
    const last = index === ids.length - 1;
    const delta = last ? profile.endTime - at : (deltas[index + 1] ?? 0);
    at += delta;
    const weight = Math.max(0, delta);
    const place = places.get(id);
    const stack = place?.stack ?? IDLE;
    if (place !== undefined && place.node !== root) place.node.self += weight;
    const before = samples.at(-1);
    if (before !== undefined && before.stack === stack) before.weight += weight;
    else samples.push({ stack, weight });
  }
  sum(root);
  return { kind: 'cpu', root, samples };
}

function heapTree({ head }: V8HeapProfile, locate: Locate): CallTree {
  const root = emptyNode(ROOT);
  const samples: Sample[] = [];
  const visit = (from: V8HeapNode, node: CallNode, stack: readonly CodeFrame[]): void => {
    node.self += from.selfSize;
    if (from.selfSize > 0 && stack.length > 0) samples.push({ stack, weight: from.selfSize });
    for (const child of from.children) {
      const frame = locate(child.callFrame);
      visit(child, childOf(node, frame), [...stack, frame]);
    }
  };
  visit(head, root, []);
  root.self = 0;
  sum(root);
  return { kind: 'heap', root, samples };
}

function childOf(node: CallNode, frame: CodeFrame): CallNode {
  const key = frameKey(frame);
  let child = node.children.get(key);
  if (child === undefined) {
    child = emptyNode(frame);
    node.children.set(key, child);
  }
  return child;
}

function emptyNode(frame: CodeFrame): CallNode {
  return { frame, self: 0, total: 0, children: new Map() };
}

function sum(node: CallNode): number {
  node.total = node.self;
  for (const child of node.children.values()) node.total += sum(child);
  return node.total;
}

const ROOT: CodeFrame = Object.freeze({ name: 'all', file: '', line: 0, column: 0 });
const IDLE: readonly CodeFrame[] = Object.freeze([]);
