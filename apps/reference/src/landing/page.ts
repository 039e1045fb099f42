/** The pages, as HTML. */
import type { ProblemDefinition } from '@org/errors';
import type { ExplainRow } from '@org/setup';

import { STYLE } from './assets.ts';
import { CREDITS, DOCUMENT_LINKS, type Link, LINKS, OPERATOR_LINKS } from './links.ts';

/** The landing page, with the chain that requests pass now. `origin` is where the service is, and `script` is the page's. */
export function landingPage(chain: readonly ExplainRow[], origin: string, script: string): string {
  return page(
    'Places and trips',
    `
<h1>Places and trips</h1>
<p class="lead">An API over the world's countries and 135,000 cities, and trips through them. It is here to show a whole stack of middleware at work on a real service.</p>

<h2>Try it</h2>
<label for="q">A city that begins with</label>
<input id="q" type="search" autocomplete="off" spellcheck="false" placeholder="sao">
<div id="found" aria-live="polite"></div>

<h2>See a route being found</h2>
<p>In which order are these cities best visited? A trip is made of them, a background job looks for the order, and each step of it comes here over a WebSocket. Then the trip is deleted.</p>
<form id="trip">
<p><label for="trip-country">The largest cities of</label><select id="trip-country"><option value="">the world</option></select></p>
<p class="few"><label for="trip-size">How many</label><input id="trip-size" type="number" min="3" max="100" value="100" required></p>
<button id="trip-go">Find the way</button>
</form>
<p id="trip-said" role="status"></p>
<figure id="trip-figure" hidden>
<svg id="trip-map" role="img" aria-label="The cities, the way as it is planned (dotted), and the way that has been found"><path id="trip-grid"/><path id="trip-planned"/><path id="trip-way"/><g id="trip-places"></g></svg>
<progress id="trip-progress" max="1" value="0" aria-label="How far the job has come"></progress>
<figcaption>
<dl>
<div><dt>As planned</dt><dd id="trip-before"></dd></div>
<div><dt>As found</dt><dd id="trip-now"></dd></div>
<div><dt>Steps</dt><dd id="trip-steps"></dd></div>
</dl>
<p id="trip-trace"></p>
</figcaption>
</figure>

<h2>Places</h2>
${cards(LINKS)}

<h2>Trips</h2>
<p>A trip is a named list of cities with dates. It belongs to whoever made it: send an API key in <code>x-api-key</code>. <code>GET</code>, <code>PATCH</code> and <code>DELETE</code> work on the address in <code>Location</code>, and <code>GET /api/trips</code> lists yours.</p>
<pre tabindex="0"><code>curl -i ${escape(origin)}/api/trips -H 'x-api-key: demo-key-of-ada' -H 'content-type: application/json' -d '{
  "name": "Two rivers",
  "stops": [
    { "cityId": 2988507, "arrivesOn": "2027-05-01", "leavesOn": "2027-05-04" },
    { "cityId": 2761369, "arrivesOn": "2027-05-04", "leavesOn": "2027-05-07" }
  ]
}'</code></pre>
<p>Bodies and queries are checked. Whatever goes wrong, the answer is a problem document (RFC 9457), of one of <a href="/problems">these kinds</a> or of one that every service has.</p>

<h2>The whole API</h2>
${cards(DOCUMENT_LINKS)}

<h2>What a request passes</h2>
<p>Before it reaches a route, in this order, and for these reasons:</p>
<div class="scroll" tabindex="0">
<table>
<thead><tr><th scope="col">Phase</th><th scope="col">Middleware</th><th scope="col">Why here</th></tr></thead>
<tbody>
${chain.map(({ phase, name, state, reason }) => `<tr><td>${escape(phase)}</td><td>${escape(name)}${state === 'on' ? '' : ` (${state})`}</td><td>${escape(reason)}</td></tr>`).join('\n')}
</tbody>
</table>
</div>

<h2>For operators</h2>
${cards(OPERATOR_LINKS)}`,
    script,
  );
}

/** The page of the service's own problems, at the addresses that are their types. */
export function problemsPage(list: readonly Readonly<Required<ProblemDefinition>>[]): string {
  const parts = list.map(
    ({ type, title, status, code, description }) => `
<h2 id="${escape(type.slice(type.indexOf('#') + 1))}">${escape(title)}</h2>
<p>${escape(description)}</p>
<p><code>${status}</code> <code>${escape(code)}</code></p>`,
  );
  return page(
    'Problems',
    `<p><a href="/">Places and trips</a></p>\n<h1>Problems</h1>\n${parts.join('\n')}`,
  );
}

function page(title: string, content: string, script?: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${content}
<footer>
${CREDITS.map(({ what, source, url, licence, licenceUrl }) => `<p>${escape(what)}: <a href="${escape(url)}">${escape(source)}</a>, <a href="${escape(licenceUrl)}">${escape(licence)}</a>.</p>`).join('\n')}
</footer>
</main>
${script === undefined ? '' : `<script type="module">${script}</script>\n`}</body>
</html>
`;
}

function cards(links: readonly Link[]): string {
  const items = links.map(
    ({ href, title, text }) =>
      `<li><a href="${escape(href)}">${escape(title)}</a><code>${escape(href)}</code><p>${escape(text)}</p></li>`,
  );
  return `<ul class="cards">\n${items.join('\n')}\n</ul>`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
