/** What can carry a correlation: a plain object (a job's data, a handshake), or `Headers`. */

/** Fields by name. */
export type PlainCarrier = Record<string, unknown>;

/** The part of `Headers` that is used. */
export interface HeadersCarrier {
  get(name: string): string | null;
  set(name: string, value: string): void;
}

export type Carrier = PlainCarrier | HeadersCarrier;

/** A carrier as the formats see it; names are in lower case. */
export interface Fields {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

export function fieldsOf(carrier: Carrier): Fields {
  return isHeaders(carrier)
    ? {
        get: (name) => carrier.get(name) ?? undefined,
        set: (name, value) => carrier.set(name, value),
      }
    : plainFields(carrier);
}

function plainFields(carrier: PlainCarrier): Fields {
  // Headers in a plain object may be spelled in any case.
  const spelled = new Map(Object.keys(carrier).map((name) => [name.toLowerCase(), name]));
  return {
    get: (name) => textOf(carrier[spelled.get(name) ?? name]),
    set: (name, value) => {
      carrier[spelled.get(name) ?? name] = value;
    },
  };
}

/** Several lines of one field are joined as Node joins them. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value)
    ? value.filter((one) => typeof one === 'string').join(', ')
    : undefined;
}

function isHeaders(carrier: Carrier): carrier is HeadersCarrier {
  return typeof carrier.get === 'function' && typeof carrier.set === 'function';
}
