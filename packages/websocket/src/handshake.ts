/** What a request must be to become a WebSocket (RFC 6455 §4.2.1), as refusals of HTTP. */
import { ProblemError } from '@org/core';
import type { Request } from 'express';

import { BEARER_PREFIX, SUBPROTOCOL } from './protocol.ts';

/** Base64 of 16 bytes (RFC 6455 §4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** The one version that there is (RFC 6455 §4.1). */
const VERSION = '13';

/** Why a handshake cannot be answered; nothing where it can. */
export function handshakeFault({ method, headers }: Request): ProblemError | undefined {
  if (method !== 'GET') {
    return refusal(405, 'ERR_METHOD_NOT_ALLOWED', 'A WebSocket is opened with GET.', {
      Allow: 'GET',
    });
  }
  if (headers['sec-websocket-version'] !== VERSION) {
    // RFC 6455 §4.2.2 and §4.4: the version that would do is told.
    return refusal(
      426,
      'ERR_WEBSOCKET_VERSION',
      `Version ${VERSION} of WebSocket is spoken here.`,
      {
        'Sec-WebSocket-Version': VERSION,
        Upgrade: 'websocket',
      },
    );
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    return refusal(400, 'ERR_WEBSOCKET_HANDSHAKE', 'Sec-WebSocket-Key must be 16 bytes in base64.');
  }
  const offered = subprotocols(headers['sec-websocket-protocol']);
  if (offered.length > 0 && !offered.includes(SUBPROTOCOL)) {
    return refusal(
      400,
      'ERR_WEBSOCKET_PROTOCOL',
      `The subprotocol spoken here is ${SUBPROTOCOL}; offer it, or none.`,
    );
  }
  return undefined;
}

/** The answer to a plain request for the address of a WebSocket (RFC 9110 §15.5.22). */
export function upgradeRequired(): ProblemError {
  return refusal(426, 'ERR_UPGRADE_REQUIRED', 'This address is a WebSocket.', {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
  });
}

/**
 * The token of a handshake: of `Authorization: Bearer` (RFC 6750 §2.1), or of a subprotocol
 * `bearer.<base64url>`, which is all that a page in a browser can send besides cookies.
 */
export function bearerOf({ headers }: Pick<Request, 'headers'>): string | undefined {
  const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (given !== undefined) return given;
  const offered = subprotocols(headers['sec-websocket-protocol']);
  const coded = offered.find((one) => one.startsWith(BEARER_PREFIX));
  return coded === undefined
    ? undefined
    : Buffer.from(coded.slice(BEARER_PREFIX.length), 'base64url').toString();
}

function subprotocols(field: string | undefined): readonly string[] {
  return field === undefined ? [] : field.split(',').map((one) => one.trim());
}

function refusal(
  status: number,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): ProblemError {
  return new ProblemError({ code, status, detail, headers });
}
