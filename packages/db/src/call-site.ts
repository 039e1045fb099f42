/**
 * Where in the app something was asked for. Capturing is cheap, because V8 makes the text only when
 * somebody reads it; it is done for one in so many, and where something has gone wrong.
 */

/** A place, as text once it is read. */
export interface CallSite {
  readonly stack?: string;
}

/** Remembers who called the function `below`. */
// oxlint-disable-next-line typescript/no-unsafe-function-type
export function callSite(below: Function): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, below);
  return site;
}

/** The stack of a place, without a headline. */
export function stackOf(site: CallSite | undefined): string {
  const frames = site?.stack?.split('\n').slice(1) ?? [];
  return frames.length === 0 ? '    at a place that was not looked at' : frames.join('\n');
}

/** The app's own line of a place, such as `routes/trips.ts:88:21`; nothing where none is known. */
export function lineOf(site: CallSite | undefined): string | undefined {
  const frames = site?.stack?.split('\n').slice(1) ?? [];
  const own = frames.find((frame) => !FOREIGN.test(frame) && !frame.includes(HERE));
  const [, place] = /\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(own ?? '') ?? [];
  return place?.replace(/^file:\/\//, '');
}

const FOREIGN = /[\\/]node_modules[\\/]|\bnode:|<anonymous>/;

/** The folder that this file is in, wherever it was built to. */
const HERE: string =
  /\(?(?:file:\/\/)?([^\s()]+[\\/])[^\\/]+:\d+:\d+\)?$/.exec(
    new Error('here').stack?.split('\n')[1] ?? '',
  )?.[1] ?? '\0';
