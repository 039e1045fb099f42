/**
 * The two documents: the page, and the form to sign in with. Their policy lets nothing in that
 * does not carry the nonce of this very answer, and sends nothing anywhere else.
 */
import { randomBytes } from 'node:crypto';
import type { Response } from 'express';

/** A document with the policy that it keeps. */
export interface Document {
  readonly html: string;
  readonly policy: string;
}

/** What a document is made of. */
export interface DocumentInit {
  readonly title: string;
  /** The last segment of the dashboard's path: addresses are relative to it, whatever a proxy puts in front. */
  readonly base: string;
  /** Digest of the assets. */
  readonly digest: string;
}

/** Modules of the page; fetched at once rather than one after the other. */
const MODULES = [
  'charts.js',
  'dom.js',
  'format.js',
  'panels.js',
  'past.js',
  'stream.js',
  'theme.js',
  'waterfall.js',
] as const;

/** The page. */
export function pageDocument(init: DocumentInit, canSignOut: boolean): Document {
  const { base, title } = init;
  const nonce = randomBytes(16).toString('base64');
  const asset = assetOf(init);
  return documentOf(
    init,
    nonce,
    `<link rel="stylesheet" nonce="${nonce}" href="${asset('uplot.css')}">
<script type="importmap" nonce="${nonce}">{"imports":{"uplot":"./${asset('uplot.js')}"}}</script>
${['uplot.js', ...MODULES].map((name) => `<link rel="modulepreload" nonce="${nonce}" href="${asset(name)}">`).join('\n')}
<script type="module" nonce="${nonce}" src="${asset('main.js')}"></script>`,
    `<body data-base="${escape(base)}">
<a class="skip" href="#panels">Skip to the panels</a>
<header class="bar">
<h1>${escape(title)}</h1>
<p id="connection" class="connection" role="status" data-state="connecting"><span class="light" aria-hidden="true"></span><span id="connection-text">Connecting</span></p>
<p id="service" class="service"></p>
<div class="controls">
<fieldset class="range"><legend class="unseen">Time shown</legend>
<label><input type="radio" name="range" value="60000"><span>1 min</span></label>
<label><input type="radio" name="range" value="300000" checked><span>5 min</span></label>
<label><input type="radio" name="range" value="900000"><span>15 min</span></label>
</fieldset>
<button type="button" id="pause" aria-pressed="false">Pause</button>
<button type="button" id="theme"><span class="where-wide">Theme: </span><span id="theme-name">system</span></button>
${canSignOut ? '<button type="button" id="sign-out">Sign out</button>' : ''}
</div>
</header>
<nav id="index" class="index" aria-label="Panels"></nav>
<main id="panels" tabindex="-1">
<p id="waiting" class="empty">Waiting for the first numbers.</p>
</main>
<noscript><p class="empty">This page draws live numbers and needs JavaScript.</p></noscript>
</body>`,
  );
}

/** The form to sign in with. */
export function signInDocument(init: DocumentInit): Document {
  const nonce = randomBytes(16).toString('base64');
  const asset = assetOf(init);
  return documentOf(
    init,
    nonce,
    `<script type="module" nonce="${nonce}" src="${asset('sign-in.js')}"></script>`,
    `<body data-base="${escape(init.base)}">
<main class="sign-in">
<h1>${escape(init.title)}</h1>
<p>For operators of this service.</p>
<form id="sign-in">
<input type="text" autocomplete="username" value="monitoring" hidden>
<label for="token">Monitoring token</label>
<input id="token" type="password" autocomplete="current-password" spellcheck="false" required autofocus aria-describedby="outcome">
<button type="submit">Sign in</button>
<p id="outcome" role="alert"></p>
</form>
<noscript><p>This page needs JavaScript.</p></noscript>
</main>
</body>`,
  );
}

/** Answers with a document, for this caller and this moment alone. */
export function sendDocument(res: Response, status: number, { html, policy }: Document): undefined {
  res.statusCode = status;
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Security-Policy', policy);
  res.setHeader('Cache-Control', 'no-store');
  // Browsers complain of it on what they do not trust, which is all over plain HTTP.
  if (res.req.secure) res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  res.setHeader('Referrer-Policy', 'no-referrer');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', Buffer.byteLength(html));
  res.end(res.req.method === 'HEAD' ? undefined : html);
}

function assetOf({ base, digest }: DocumentInit): (name: string) => string {
  return (name) => `${escape(base)}/assets/${digest}/${name}`;
}

function documentOf(init: DocumentInit, nonce: string, head: string, body: string): Document {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(init.title)}</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<script nonce="${nonce}">${CHOSEN_THEME}</script>
<link rel="stylesheet" nonce="${nonce}" href="${assetOf(init)('dashboard.css')}">
${head}
</head>
${body}
</html>
`;
  return { html, policy: policyOf(nonce) };
}

/** Before the first paint, so that nobody who chose the dark sees a flash of light. */
const CHOSEN_THEME = `try { const theme = localStorage.getItem('dashboard-theme'); if (theme) document.documentElement.dataset.theme = theme; } catch {}`;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3.5" fill="#2f5fd0"/><path d="M3 10.5 6 7l2.5 2L13 4.5" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
