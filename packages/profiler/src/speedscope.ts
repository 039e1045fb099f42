/**
 * A tree as a file of speedscope (https://www.speedscope.app), in its own JSON format: one
 * sampled profile, whose samples stand in the order in which they were met.
 */
import { type CallTree, type CodeFrame, frameKey } from './call-tree.ts';

/** The schema that files name. */
const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

export function speedscope(tree: CallTree, name: string): string {
  const frames: { name: string; file?: string; line?: number; col?: number }[] = [];
  const places = new Map<string, number>();
  const placeOf = (frame: CodeFrame): number => {
    const key = frameKey(frame);
    let place = places.get(key);
    if (place === undefined) {
      place = frames.length;
      places.set(key, place);
      const { file, line, column } = frame;
      frames.push({
        name: frame.name,
        ...(file === '' ? {} : { file }),
        ...(file === '' || line === 0 ? {} : { line, col: column }),
      });
    }
    return place;
  };
  const samples = tree.samples.map(({ stack }) => stack.map(placeOf));
  const weights = tree.samples.map(({ weight }) => weight);
  return JSON.stringify({
    $schema: SCHEMA,
    shared: { frames },
    profiles: [
      {
        type: 'sampled',
        name,
        unit: tree.kind === 'cpu' ? 'microseconds' : 'bytes',
        startValue: 0,
        endValue: weights.reduce((sum, weight) => sum + weight, 0),
        samples,
        weights,
      },
    ],
    name,
    activeProfileIndex: 0,
    exporter: '@org/profiler',
  });
}
