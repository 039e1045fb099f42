/**
 * The page that shows a document. Nothing on it is inline and nothing comes from elsewhere: its
 * policy names the scripts and styles by a nonce, and lets it talk to the API alone.
 */
import { posix } from 'node:path';

import type { InterfaceFiles } from './interface-files.ts';

/** What a page shows. */
export interface PageContent {
  readonly title: string;
  readonly nonce: string;
  readonly files: InterfaceFiles;
  readonly docsPath: string;
  readonly documentPath: string;
  /** The version that is shown. */
  readonly version: string | undefined;
  /** All that there are, oldest first. */
  readonly versions: readonly string[];
}

/** `servers` are origins that the page may call besides its own. */
export function pagePolicy(nonce: string, servers: readonly string[]): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    // Swagger UI's own icons.
    "img-src 'self' data:",
    ["connect-src 'self'", ...servers].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Origins of servers elsewhere; an address with a variable in its origin has none. */
export function originsOf(urls: readonly string[]): readonly string[] {
  const origins = urls.flatMap((url) => {
    if (!URL.canParse(url)) return [];
    const { origin, protocol } = new URL(url);
    return protocol === 'https:' || protocol === 'http:' ? [origin] : [];
  });
  return [...new Set(origins)].filter((origin) => !/[{};,%\s]/.test(origin));
}

/** Addresses are relative to the page's own: it works below any mount, and behind any proxy. */
export function pageOf(content: PageContent): string {
  const { title, nonce, files, docsPath, documentPath, version, versions } = content;
  const asset = (name: string): string => `${posix.basename(docsPath)}/${name}`;
  const document = posix.relative(
    posix.dirname(docsPath),
    version === undefined ? documentPath : versionPath(documentPath, version),
  );
  const others = versions
    .toReversed()
    .map((one) =>
      one === version
        ? `<strong>${escape(one)}</strong>`
        : `<a href="?version=${encodeURIComponent(one)}">${escape(one)}</a>`,
    );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${asset(files.style.name)}" nonce="${nonce}">
</head>
<body>
${others.length === 0 ? '' : `<nav class="swagger-ui"><div class="wrapper"><p>Versions: ${others.join(' ')}</p></div></nav>\n`}<div id="docs"></div>
<script src="${asset(files.bundle.name)}" nonce="${nonce}"></script>
<script src="${asset(files.start.name)}" nonce="${nonce}" data-document="${escape(document)}"></script>
</body>
</html>
`;
}

/** Where the document of a version is: `/openapi/2.json` beside `/openapi.json`. */
export function versionPath(documentPath: string, version: string): string {
  return `${documentPath.slice(0, -'.json'.length)}/${encodeURIComponent(version)}.json`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
