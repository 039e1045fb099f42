/** The formats in which a capture can be had, and how each is made. */
import { badRequest } from './problems.ts';
import { type Capture, type CaptureKind } from './capture.ts';
import { callTree, type CallTree, filesOf, readProfile } from './call-tree.ts';
import { flameGraph } from './flame-graph.ts';
import { pprof } from './pprof.ts';
import { locateAsIs, sourceLocator } from './source-maps.ts';
import { speedscope } from './speedscope.ts';

/** As V8 gives it (`cpuprofile`, `heapprofile`), for speedscope, for pprof, or as a picture. */
export type ProfileFormat = 'cpuprofile' | 'heapprofile' | 'speedscope' | 'pprof' | 'svg';

/** A capture in some format. */
export interface Rendered {
  readonly contentType: string;
  readonly fileName: string;
  readonly body: Uint8Array;
}

/** What V8 was told, which a profile does not say of itself. */
export interface RenderSettings {
  readonly sourceMaps: boolean;
  readonly samplingIntervalMs: number;
  readonly heapIntervalBytes: number;
}

const ENDINGS: Readonly<Record<ProfileFormat, string>> = Object.freeze({
  cpuprofile: 'cpuprofile',
  heapprofile: 'heapprofile',
  speedscope: 'speedscope.json',
  pprof: 'pb.gz',
  svg: 'svg',
});

const TYPES: Readonly<Record<ProfileFormat, string>> = Object.freeze({
  cpuprofile: 'application/json',
  heapprofile: 'application/json',
  speedscope: 'application/json',
  pprof: 'application/octet-stream',
  svg: 'image/svg+xml',
});

/** V8's own format of a kind, which is what one gets who asks for none. */
export function nativeFormat(kind: CaptureKind): ProfileFormat {
  return kind === 'cpu' ? 'cpuprofile' : 'heapprofile';
}

/** The formats of a kind. */
export function formatsOf(kind: CaptureKind): readonly ProfileFormat[] {
  return [nativeFormat(kind), 'speedscope', 'pprof', 'svg'];
}

/** @throws ProblemError `ERR_PROFILE_REQUEST` for what is no format of this kind */
export function formatOf(kind: CaptureKind, asked: string | undefined): ProfileFormat {
  const formats = formatsOf(kind);
  const format = formats.find((one) => one === (asked ?? nativeFormat(kind)));
  if (format === undefined) {
    throw badRequest(
      `"format" of a ${kind} profile is one of ${formats.join(', ')}, but not ${JSON.stringify(asked?.slice(0, 60))}.`,
    );
  }
  return format;
}

/** A capture in a format. */
export async function render(
  capture: Capture,
  format: ProfileFormat,
  settings: RenderSettings,
): Promise<Rendered> {
  return {
    contentType: TYPES[format],
    fileName: `${capture.id}.${ENDINGS[format]}`,
    body: await bodyOf(capture, format, settings),
  };
}

/** What a capture shows, named by the sources. */
export async function treeOf(capture: Capture, settings: RenderSettings): Promise<CallTree> {
  const read = readProfile(capture);
  return callTree(read, settings.sourceMaps ? await sourceLocator(filesOf(read)) : locateAsIs);
}

async function bodyOf(
  capture: Capture,
  format: ProfileFormat,
  settings: RenderSettings,
): Promise<Uint8Array> {
  if (format === nativeFormat(capture.kind)) return capture.profile;
  const tree = await treeOf(capture, settings);
  switch (format) {
    case 'speedscope':
      return Buffer.from(speedscope(tree, capture.id));
    case 'pprof':
      return pprof(tree, capture, periodOf(capture.kind, settings));
    default:
      return Buffer.from(flameGraph(tree, titleOf(capture)));
  }
}

/** What stands between two samples, in the tree's unit. */
function periodOf(kind: CaptureKind, settings: RenderSettings): number {
  return kind === 'cpu' ? settings.samplingIntervalMs * 1000 : settings.heapIntervalBytes;
}

function titleOf({ id, kind, durationMs, startedAt, stall }: Capture): string {
  const when = `${new Date(startedAt).toISOString()}, ${(durationMs / 1000).toFixed(1)} s`;
  const what = kind === 'cpu' ? 'CPU time' : 'allocated and alive';
  const of = stall === undefined ? '' : `, stall of ${Math.round(stall.blockedMs)} ms`;
  return `${id}: ${what}, ${when}${of}`;
}
