/**
 * As much of an npm registry as a release and an installation need, on loopback and in memory.
 * A package's document is what npm's clients put, and its tarball is what they attach to it. What
 * nobody has put comes from the repository's own installation.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { installedVersions, tarballOf } from './installed-packages.ts';

export interface Registry {
  readonly url: string;
  /** Versions published so far, oldest first, by package name. */
  readonly published: ReadonlyMap<string, readonly string[]>;
  close(): Promise<void>;
}

interface Document {
  readonly name: string;
  readonly 'dist-tags': Record<string, string>;
  readonly versions: Record<string, { dist: { tarball: string } }>;
}

interface Publication extends Document {
  readonly _attachments: Record<string, { readonly data: string }>;
}

/** Serves until it is closed; accepts publications that bear the token. */
export async function startRegistry(token: string): Promise<Registry> {
  const documents = new Map<string, Document>();
  const tarballs = new Map<string, Buffer>();
  const published = new Map<string, string[]>();

  const publish = (publication: Publication, origin: string): number => {
    const { name, versions, _attachments: attachments, 'dist-tags': tags } = publication;
    const known = documents.get(name);
    for (const [version, manifest] of Object.entries(versions)) {
      // A version is published once, for ever.
      if (known?.versions[version] !== undefined) return 403;
      const [attachment] = Object.values(attachments);
      if (attachment === undefined) return 400;
      const path = `/${name}/-/${version}.tgz`;
      tarballs.set(path, Buffer.from(attachment.data, 'base64'));
      manifest.dist.tarball = origin + path;
      published.set(name, [...(published.get(name) ?? []), version]);
    }
    documents.set(name, {
      name,
      'dist-tags': { ...known?.['dist-tags'], ...tags },
      versions: { ...known?.versions, ...versions },
    });
    return 201;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = decodeURIComponent((request.url ?? '/').replace(/\?.*/, ''));
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'PUT') {
      const body = (await json(request)) as Publication;
      const allowed = request.headers.authorization === `Bearer ${token}`;
      const status = allowed ? publish(body, `http://${request.headers.host}`) : 401;
      reply(status, { ok: status === 201 });
      return;
    }
    const [name = '', version] = path
      .slice(1)
      .replace(/\.tgz$/, '')
      .split('/-/');
    if (version !== undefined) {
      const installed = installedVersions(name).find((each) => each.manifest.version === version);
      const tarball = tarballs.get(path) ?? (installed && (await tarballOf(installed)));
      response.writeHead(tarball === undefined ? 404 : 200).end(tarball);
      return;
    }
    const origin = `http://${request.headers.host}`;
    const document = documents.get(name) ?? installedDocument(name, origin);
    reply(document === undefined ? 404 : 200, document ?? { error: 'not found' });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    published,
    close: () =>
      new Promise((closed, failed) => {
        server.close((error) => (error === undefined ? closed() : failed(error)));
        server.closeAllConnections();
      }),
  };
}

function installedDocument(name: string, origin: string): Document | undefined {
  const versions = installedVersions(name).map(
    ({ manifest }) =>
      [
        manifest.version,
        { ...manifest, dist: { tarball: `${origin}/${name}/-/${manifest.version}.tgz` } },
      ] as const,
  );
  const [latest] = versions.at(-1) ?? [];
  if (latest === undefined) return undefined;
  return { name, 'dist-tags': { latest }, versions: Object.fromEntries(versions) };
}
