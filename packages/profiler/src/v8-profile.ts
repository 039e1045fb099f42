/** Profiles as V8's inspector protocol gives them: the `Profiler` and `HeapProfiler` domains. */

/** Where a function stands; lines and columns count from 0. */
export interface V8CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** A `.cpuprofile`: a tree of calls by id, and the nodes that were met, one sample after the other. */
export interface V8CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: V8CallFrame;
    readonly children?: readonly number[];
  }[];
  /** In µs, from an arbitrary start. */
  readonly startTime: number;
  readonly endTime: number;
  readonly samples?: readonly number[];
  /** Time since the sample before, in µs. */
  readonly timeDeltas?: readonly number[];
}

/** A node of a `.heapprofile`. */
export interface V8HeapNode {
  readonly callFrame: V8CallFrame;
  /** Estimated bytes that were allocated here and are alive. */
  readonly selfSize: number;
  readonly children: readonly V8HeapNode[];
}

/** A `.heapprofile`. */
export interface V8HeapProfile {
  readonly head: V8HeapNode;
}
