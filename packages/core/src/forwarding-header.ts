/** Headers by which proxies say whom they speak for. */

/**
 * Whether a header says where a request comes from: `Forwarded` (RFC 7239), `Via` (RFC 9110
 * §7.6.3), `X-Forwarded-…`, and those that name an address, such as `X-Real-IP` and
 * `CF-Connecting-IP`. Anybody can send one; what it means is for `trust proxy` to judge.
 * @param name in lower case
 */
export function isForwardingHeader(name: string): boolean {
  return FORWARDING.test(name);
}

const FORWARDING = /forwarded|^via$|(?:^|-)(?:client)?ip$/;
