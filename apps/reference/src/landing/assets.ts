/** The page's style and script. Its policy names them by digest, so nothing else runs. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #fff; --ink: #1d2733; --soft: #5c6875; --line: #e4e0d8; --accent: #0b6e5f;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171c; --card: #1b2027; --ink: #e6e9ee; --soft: #98a4b3; --line: #2c333d; --accent: #5fd0b8; }
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
input { width: 100%; max-width: 26rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; }
th, td { text-align: left; padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
#found { margin-top: .8rem; min-height: 15rem; }
footer { margin-top: 3.5rem; padding-top: 1.2rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
`;

export const SCRIPT = `
const input = document.querySelector('#q');
const found = document.querySelector('#found');
let latest = 0;
async function search() {
  const turn = ++latest;
  const q = input.value.trim();
  const query = new URLSearchParams({ limit: '6', ...(q && { q }) });
  try {
    const answer = await fetch('/api/cities?' + query, { headers: { accept: 'application/json' } });
    const body = await answer.json();
    if (turn !== latest) return;
    if (!answer.ok) return say(body.detail ?? body.title);
    if (body.items.length === 0) return say('No city begins with this.');
    const rows = body.items.map((city) => {
      const row = document.createElement('tr');
      const link = document.createElement('a');
      link.href = '/api/cities/' + city.id + '/nearby';
      link.textContent = city.name;
      row.append(cell(link), cell(city.country), cell(city.population.toLocaleString(), 'number'));
      return row;
    });
    const table = document.createElement('table');
    table.append(...rows);
    found.replaceChildren(table);
  } catch {
    if (turn === latest) say('The service does not answer.');
  }
}
function cell(content, name) {
  const td = document.createElement('td');
  if (name) td.className = name;
  td.append(content);
  return td;
}
function say(text) {
  found.textContent = text;
}
let timer;
input.addEventListener('input', () => {
  clearTimeout(timer);
  timer = setTimeout(search, 120);
});
search();
`;
