/** The page's style and script. Its policy names them by digest, so nothing else runs. */
import { createRequire } from 'node:module';
import { buildSync } from 'esbuild';

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #fff; --ink: #1d2733; --soft: #5c6875; --line: #e4e0d8; --accent: #0b6e5f; --wrong: #a8261b;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --card: #1b2027; --ink: #e6e9ee; --soft: #98a4b3; --line: #2c333d; --accent: #5fd0b8; --wrong: #ff9a8d; }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; text-wrap: pretty;
}
main { max-width: 62rem; margin: 0 auto; padding: 3.5rem 1.25rem 4rem; }
h1 { font-size: clamp(2.2rem, 6vw, 3.4rem); line-height: 1.05; letter-spacing: -.03em; margin: 0 0 .75rem; }
h2 { font-size: 1.25rem; letter-spacing: -.01em; margin: 3rem 0 .9rem; }
p { margin: 0 0 1rem; max-width: 44rem; }
.lead { font-size: 1.15rem; color: var(--soft); }
a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .9rem; padding: 0; margin: 0; list-style: none; }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.1rem; }
.cards a { font-weight: 600; }
.cards code { display: block; color: var(--soft); font-size: .78rem; overflow-wrap: anywhere; margin: .15rem 0 .45rem; }
.cards p { margin: 0; font-size: .93rem; }
code, pre { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.1rem; overflow-x: auto; font-size: .85rem; }
label { display: block; font-weight: 600; margin-bottom: .4rem; }
input, select { width: 100%; max-width: 26rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
#found { margin-top: .8rem; min-height: 15rem; }
input, select, button { min-height: 2.9rem; }
#trip { display: flex; flex-wrap: wrap; gap: .9rem; align-items: end; }
#trip p { margin: 0; flex: 1 1 14rem; max-width: 26rem; }
#trip p.few { flex: 0 1 7rem; }
button { font: inherit; font-weight: 600; color: var(--paper); background: var(--accent); border: 1px solid var(--accent); border-radius: .6rem; padding: .6rem 1.1rem; cursor: pointer; }
button[aria-disabled] { opacity: .6; cursor: progress; }
#trip-said { margin: .9rem 0; min-height: 1.55em; }
#trip-said.wrong { color: var(--wrong); }
#trip-figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.1rem; }
#trip-map { display: block; width: 100%; overflow: hidden; }
#trip-map path { fill: none; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
#trip-grid { stroke: var(--line); }
#trip-planned { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4; opacity: .55; }
#trip-way { stroke: var(--accent); stroke-width: 2.25; }
#trip-places circle { fill: var(--ink); stroke: var(--card); stroke-width: 1.5; }
#trip-places circle:last-child { fill: var(--accent); }
#trip-figure progress { width: 100%; height: .35rem; margin: .8rem 0 .2rem; accent-color: var(--accent); }
#trip-figure dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.4rem, 1fr)); gap: .3rem 1rem; margin: .4rem 0 0; max-width: 36rem; }
#trip-figure dt { color: var(--soft); font-size: .88rem; }
#trip-figure dd { margin: 0; font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
#trip-trace { margin: .5rem 0 0; color: var(--soft); font-size: .78rem; overflow-wrap: anywhere; min-height: 1.6em; }
footer { margin-top: 3.5rem; padding-top: 1.2rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
`;

/**
 * The page's modules and the client of the sockets, as one script. They are bundled as the service
 * starts: there is nothing to build before, and nothing that could be out of date.
 */
export function pageScript(): string {
  const { outputFiles } = buildSync({
    // By its name: this file may stand in a bundle elsewhere.
    entryPoints: [createRequire(import.meta.url).resolve('reference/page')],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    conditions: ['@org/source'],
  });
  return outputFiles[0]!.text;
}
