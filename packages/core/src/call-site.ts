/**
 * The app's line that something was asked for at. Remembering a place is cheap, because V8 makes the
 * text of a stack only when somebody reads it. Packages that tell of the same statement, such as a
 * database and a watch over it, name its line by the same words.
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

/** The stack of a place, a frame each, without its headline. */
export function framesOf(site: CallSite | undefined): string[] {
  const stack: unknown = site?.stack;
  // Whoever replaces `Error.prepareStackTrace` may make anything of it.
  return typeof stack === 'string' ? stack.split('\n').slice(1) : [];
}

/**
 * The app's own line, such as `/app/routes/trips.ts:88:21`; nothing where no frame of the ten that V8
 * keeps is the app's. What lies in `node_modules`, is Node's, or lies in `ownFolder` is not.
 * @param ownFolder of the package that asks (`folderOfCaller`), where it is not in `node_modules`
 */
export function lineOf(site: CallSite | undefined, ownFolder?: string): string | undefined {
  // All that was bundled lies in one folder: the app with it.
  const own = ownFolder === HERE ? undefined : ownFolder;
  for (const frame of framesOf(site)) {
    const place = placeOf(frame);
    if (place === undefined || /[\\/]node_modules[\\/]/.test(place)) continue;
    if (own === undefined || !place.startsWith(own)) return place;
  }
  return undefined;
}

/** The folder of the file that calls this, wherever it was built to, with its last separator. */
export function folderOfCaller(): string {
  const [caller = ''] = framesOf(callSite(folderOfCaller));
  return folderOf(caller);
}

/**
 * The file, line and column of a frame. `Array.map (<anonymous>)`, `Promise.all (index 1)` and code
 * of `eval` have none; an anonymous function (`<anonymous> (/app/a.ts:7:3)`) does.
 */
function placeOf(frame: string): string | undefined {
  const [, within, bare] = /^\s*at (?:.*? \((.+)\)|(?:async )?(.+))$/.exec(frame) ?? [];
  const place = within ?? bare ?? '';
  if (!/:\d+:\d+$/.test(place) || /^(?:node:|eval at )/.test(place)) return undefined;
  return place.replace(/^file:\/\//, '');
}

function folderOf(frame: string): string {
  return /^.*[\\/]/.exec(placeOf(frame) ?? '')?.[0] ?? '\0';
}

const HERE: string = folderOfCaller();
