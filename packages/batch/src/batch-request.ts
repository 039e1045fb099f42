/** A batch as it is sent: its form, and what is wrong with it, all of it at once. */
import { defineComponent, dependencyOrder, pointerToken, ProblemError } from '@org/core';

import type { BatchEndpointOptions, ItemMethod } from './endpoint-options.ts';
import type { AddressFault } from './item-address.ts';
import { referencesIn } from './references.ts';

/** One request of a batch. */
export interface Item {
  readonly id: string;
  readonly method: ItemMethod;
  /** Path and query, with references. */
  readonly url: string;
  /** By names in lower case, with references. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, with references; undefined for none. */
  readonly body: unknown;
  /** Items whose answers it waits for. */
  readonly dependsOn: readonly string[];
}

interface Fault {
  /** JSON Pointer into the body (RFC 6901). */
  readonly pointer: string;
  readonly detail: string;
}

export interface RequestRules {
  readonly options: Readonly<BatchEndpointOptions>;
  readonly addressFault: AddressFault;
  /** Names in lower case. */
  readonly itemHeaders: ReadonlySet<string>;
}

const MEMBERS: ReadonlySet<string> = new Set([
  'id',
  'method',
  'url',
  'headers',
  'body',
  'dependsOn',
]);
const ID = /^[\w-]{1,64}$/;
/** RFC 9110 §5.5, without the bytes above ASCII, whose meaning is anybody's. */
const FIELD_VALUE = /^[\t\x20-\x7e]{0,4096}$/;
/** Deeper bodies are refused, as by the parsers of the house. */
const MAX_DEPTH = 64;

/** The items of a batch. @throws ERR_BATCH_INVALID (400) naming all that is wrong */
export function readBatch(body: unknown, folder: string, rules: RequestRules): readonly Item[] {
  const { maxItems } = rules.options;
  const requests = isObject(body) ? body['requests'] : undefined;
  if (!Array.isArray(requests) || requests.length === 0) {
    throw invalid([{ pointer: '#/requests', detail: 'must be a list of requests' }]);
  }
  if (requests.length > maxItems) {
    throw invalid([{ pointer: '#/requests', detail: `must have at most ${maxItems} requests` }]);
  }
  const faults: Fault[] = [];
  const ids = new Set<string>();
  const items = requests.map((one: unknown, at) => {
    const item = readItem(one, folder, rules, (name, detail) => {
      faults.push({ pointer: `#/requests/${at}${name === '' ? '' : `/${name}`}`, detail });
    });
    if (ids.has(item.id)) {
      faults.push({
        pointer: `#/requests/${at}/id`,
        detail: 'must be another one for each request',
      });
    }
    ids.add(item.id);
    return item;
  });
  for (const [at, item] of items.entries()) {
    for (const detail of dependencyFaults(item, ids)) {
      faults.push({ pointer: `#/requests/${at}/dependsOn`, detail });
    }
  }
  if (faults.length === 0) faults.push(...circles(items));
  if (faults.length > 0) throw invalid(faults);
  return items;
}

function readItem(
  given: unknown,
  folder: string,
  { options, addressFault, itemHeaders }: RequestRules,
  fault: (name: string, detail: string) => void,
): Item {
  if (!isObject(given)) fault('', 'must be an object');
  const {
    id,
    method,
    url,
    headers = {},
    body,
    dependsOn = [],
    ...rest
  } = isObject(given) ? given : {};
  for (const name of Object.keys(rest)) {
    fault(pointerOf(name), `is unknown; there are ${[...MEMBERS].join(', ')}`);
  }
  if (typeof id !== 'string' || !ID.test(id)) {
    fault('id', 'must be 1 to 64 letters, digits, dashes or underscores');
  }
  const verb = String(method).toUpperCase() as ItemMethod;
  if (typeof method !== 'string' || !options.methods.includes(verb)) {
    fault('method', `must be one of ${options.methods.join(', ')}`);
  }
  if (body !== undefined && (verb === 'GET' || verb === 'HEAD')) {
    // RFC 9110 §9.3.1: content of a GET has no meaning.
    fault('body', `must be absent from ${verb}`);
  }
  const tooDeep = depthOf(body, MAX_DEPTH) > MAX_DEPTH;
  if (tooDeep) fault('body', `must not be nested deeper than ${MAX_DEPTH}`);
  if (typeof url !== 'string') fault('url', 'must be a path with its query, such as /api/cities');
  else if (referencesIn(url).length === 0) {
    const wrong = addressFault(url, folder);
    if (wrong !== undefined) fault('url', wrong);
  }
  const own: Record<string, string> = {};
  if (!isObject(headers)) fault('headers', 'must be an object of header names and values');
  else {
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase();
      if (!itemHeaders.has(lower)) {
        fault(`headers/${pointerOf(name)}`, 'is not among the headers that an item may bring');
      } else if (!isFieldValue(value)) {
        fault(`headers/${pointerOf(name)}`, 'must be text of printable ASCII characters');
      } else {
        own[lower] = value;
      }
    }
  }
  if (typeof body !== 'string' && body !== undefined && !isJsonType(own['content-type'])) {
    fault('body', 'must be text where the content-type of the item is not JSON');
  }
  const needed = typeof dependsOn === 'string' ? [dependsOn] : dependsOn;
  if (!Array.isArray(needed) || !needed.every((one) => typeof one === 'string')) {
    fault('dependsOn', 'must be the id of another request, or a list of ids');
  }
  return {
    id: String(id),
    method: verb,
    url: String(url),
    headers: own,
    body: tooDeep ? undefined : body,
    dependsOn: Array.isArray(needed) ? [...new Set(needed.map(String))] : [],
  };
}

/** Whether an item's body is sent as JSON: it is, unless the item says otherwise. */
export function isJsonType(contentType: string | undefined): boolean {
  return contentType === undefined || /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType);
}

/** Whether a text may be the value of a header. */
export function isFieldValue(value: unknown): value is string {
  return typeof value === 'string' && FIELD_VALUE.test(value);
}

function dependencyFaults(item: Item, ids: ReadonlySet<string>): string[] {
  const unknown = item.dependsOn.filter((id) => !ids.has(id));
  const texts = [...Object.values(item.headers), JSON.stringify(item.body) ?? ''];
  // Elsewhere a text of this form that names no request is just a text; no path has it.
  const referred = [
    ...referencesIn(item.url),
    ...texts.flatMap(referencesIn).filter((id) => ids.has(id)),
  ];
  const unnamed = new Set(referred.filter((id) => !item.dependsOn.includes(id)));
  return [
    ...unknown.map((id) => `names "${id.slice(0, 64)}", which is no request of this batch`),
    ...[...unnamed].map((id) => `must name "${id}", to whose answer the request refers`),
  ];
}

function circles(items: readonly Item[]): Fault[] {
  const faults: Fault[] = [];
  const parts = items.map(({ id, dependsOn }) =>
    Object.assign(defineComponent(id, {}), { requires: dependsOn }),
  );
  dependencyOrder(parts, (names) => {
    const at = items.findIndex(({ id }) => id === names[0]);
    faults.push({
      pointer: `#/requests/${at}/dependsOn`,
      detail: `must not wait for itself: ${names.join(' → ')}`,
    });
  });
  return faults;
}

/** How deep a value is nested, as far as `limit` and one more. */
function depthOf(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null || limit < 0) return 0;
  let deepest = 0;
  for (const one of Object.values(value)) deepest = Math.max(deepest, depthOf(one, limit - 1));
  return deepest + 1;
}

function invalid(errors: readonly Fault[]): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_INVALID',
    status: 400,
    title: 'Invalid batch',
    detail:
      errors.length === 1
        ? `${errors[0]!.pointer} ${errors[0]!.detail}.`
        : `${errors.length} things of the batch are not as they must be; "errors" names them.`,
    extensions: { errors },
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member's name in a JSON Pointer, shortened: it is anybody's. */
function pointerOf(name: string): string {
  return pointerToken(name.slice(0, 64));
}
