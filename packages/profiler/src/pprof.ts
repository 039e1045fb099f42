/**
 * A tree as pprof's profile.proto, gzipped as it has to be: what `pprof`, and the tools that
 * collect such profiles, read. Time is in ns, memory in bytes.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import {
  Function as PprofFunction,
  Line,
  Location,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';

import { type CallNode, type CallTree, type CodeFrame, frameKey } from './call-tree.ts';
import type { Capture } from './capture.ts';

/** What V8 was told to do between two samples, in the tree's unit. */
export async function pprof(tree: CallTree, capture: Capture, period: number): Promise<Buffer> {
  const text = new StringTable();
  const functions: PprofFunction[] = [];
  const locations: Location[] = [];
  const places = new Map<string, number>();
  const placeOf = (frame: CodeFrame): number => {
    const key = frameKey(frame);
    let id = places.get(key);
    if (id === undefined) {
      id = places.size + 1;
      places.set(key, id);
      const name = text.dedup(frame.name);
      const filename = text.dedup(frame.file);
      functions.push(
        new PprofFunction({ id, name, systemName: name, filename, startLine: frame.line }),
      );
      locations.push(new Location({ id, line: [new Line({ functionId: id, line: frame.line })] }));
    }
    return id;
  };
  const scale = tree.kind === 'cpu' ? 1000 : 1;
  const samples: Sample[] = [];
  const visit = (node: CallNode, callers: readonly number[]): void => {
    // Innermost first.
    const stack = [placeOf(node.frame), ...callers];
    if (node.self > 0) {
      samples.push(new Sample({ locationId: stack, value: [Math.round(node.self * scale)] }));
    }
    for (const child of node.children.values()) visit(child, stack);
  };
  for (const child of tree.root.children.values()) visit(child, []);
  const type = new ValueType(
    tree.kind === 'cpu'
      ? { type: text.dedup('cpu'), unit: text.dedup('nanoseconds') }
      : { type: text.dedup('inuse_space'), unit: text.dedup('bytes') },
  );
  const traces = (capture.stall?.requests ?? []).flatMap(({ traceId }) =>
    traceId === undefined ? [] : [text.dedup(`trace ${traceId}`)],
  );
  const profile = new Profile({
    sampleType: [type],
    sample: samples,
    location: locations,
    function: functions,
    stringTable: text,
    timeNanos: BigInt(Math.round(capture.startedAt)) * 1_000_000n,
    durationNanos: BigInt(Math.round(capture.durationMs * 1_000_000)),
    periodType: type,
    period: Math.round(period * scale),
    comment: traces,
  });
  return promisify(gzip)(profile.encode());
}
