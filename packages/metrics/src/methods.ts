/** Methods that have series of their own: any other word that a client may think of is `_OTHER`. */

/** RFC 9110 §9.3, RFC 5789 (PATCH) and QUERY, as OpenTelemetry's semantic conventions list them. */
const KNOWN: readonly string[] = [
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
];

export const OTHER_METHOD = '_OTHER';

/** The method of a request and how many requests of it are under way. */
export class Method {
  readonly name: string;
  /** By scheme: `http` first, `https` second. */
  readonly active: [number, number] = [0, 0];
  readonly begunTotal: [number, number] = [0, 0];
  /** Whether requests of it may have a body that is worth a look at its length. */
  readonly hasBody: boolean;

  constructor(name: string) {
    this.name = name;
    this.hasBody = name !== 'GET' && name !== 'HEAD';
  }
}

/** Methods by their names, which are compared with case (RFC 9110 §9.1). */
export class Methods {
  private readonly byName: ReadonlyMap<string, Method> = new Map(
    KNOWN.map((name) => [name, new Method(name)]),
  );
  private readonly other: Method = new Method(OTHER_METHOD);

  of(name: string): Method {
    return this.byName.get(name) ?? this.other;
  }

  all(): readonly Method[] {
    return [...this.byName.values(), this.other];
  }
}
