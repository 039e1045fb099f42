/** The page: a document whose policy lets nothing in but the package's own files, and those files. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { monitoringPage } from '@org/core';

/** The same from the sources as from the build: both lie in a folder of the package. */
const FOLDER = new URL('../page/', import.meta.url);

const TYPES: Readonly<Record<string, string>> = Object.freeze({
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
});

/** The files of one instance, read when somebody first asks. */
export class PageFiles {
  private files: ReadonlyMap<string, string> | undefined = undefined;

  /** Nothing where there is no such file. */
  answer(name: string): object | undefined {
    this.files ??= readFiles();
    const body = this.files.get(name);
    if (body === undefined) return undefined;
    return monitoringPage({ contentType: TYPES[extname(name)]!, body });
  }
}

function readFiles(): ReadonlyMap<string, string> {
  const folder = fileURLToPath(FOLDER);
  return new Map(
    readdirSync(folder)
      .filter((name) => extname(name) in TYPES)
      .map((name) => [name, readFileSync(new URL(name, FOLDER), 'utf8')]),
  );
}

/** @param base the last segment of the page's path: addresses are relative to it, below any mount */
export function pageAnswer(base: string): object {
  const nonce = randomBytes(16).toString('base64');
  return monitoringPage({
    contentType: 'text/html; charset=utf-8',
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Devtools</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" nonce="${nonce}" href="${base}/page/devtools.css">
<script type="module" nonce="${nonce}" src="${base}/page/main.js"></script>
</head>
<body data-base="${base}">
<a class="skip" href="#shown">Skip to what is shown</a>
<header class="bar">
<h1>Devtools</h1>
<p id="connection" class="connection" role="status" data-state="connecting">Connecting</p>
<nav class="views" aria-label="Views">
<a href="#exchanges">Exchanges</a>
<a href="#routes">Routes</a>
<a href="#faults">Faults</a>
</nav>
</header>
<p id="problem" class="problem" role="alert"></p>
<main id="shown" tabindex="-1"></main>
<noscript><p class="empty">This page shows what happens as it happens, and needs JavaScript.</p></noscript>
</body>
</html>
`,
    headers: {
      'Content-Security-Policy': [
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        'img-src data:',
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'Referrer-Policy': 'no-referrer',
    },
  });
}
