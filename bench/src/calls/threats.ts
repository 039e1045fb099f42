/** What it costs to look for threats in a request of 258 bytes, path and headers, and in bodies. */
import type { Exchange } from '@org/core';
import { threats } from '@org/security';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 200;

/** A line and headers of 258 bytes. */
const ORDINARY = {
  originalUrl: '/api/cities/2950159?fields=name,population&lang=de&q=Berlin',
  headers: {
    host: 'api.example.com',
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
    'accept-language': 'en-GB,en;q=0.7',
    cookie: 'sid=s%3AlZzQ3ahkBt1lLgk2; theme=dark',
  },
};

const COMMENT = {
  headers: { 'content-type': 'application/json' },
  body: {
    postId: '1cecf9c8-191d-4b27-b6bc-bb97a9628696',
    text: `We were there in May, and it's worth the walk: take the stairs (all 311 of them) before noon.`,
    tags: ['walks', 'views'],
  },
};

const MARKDOWN = {
  headers: { 'content-type': 'application/json' },
  body: {
    text: "## Install\n\nRun `npm install` and read the *docs*; it's a `const x = f(1, 2);` away.\n\n".repeat(
      120,
    ),
  },
};

export const contestants: Contestants = {
  ordinary: inspecting(0, ORDINARY),
  attack: inspecting(0, { ...ORDINARY, originalUrl: `/api/cities?q=7%27+or+%271%27%3D%271` }),
  comment: inspecting(1, COMMENT),
  markdown: inspecting(1, MARKDOWN, 4),
};

/** Looks at the same request again and again; `part` 0: its head, 1: its body. */
function inspecting(part: 0 | 1, request: object, calls: number = CALLS): Contestant {
  const step = threats({ mode: 'detect' })[part].step!;
  const exchange = { internal: false, req: { baseUrl: '', path: '/api', ...request } };
  return {
    calls,
    run() {
      for (let call = 0; call < calls; call++) void step(exchange as unknown as Exchange);
    },
  };
}
