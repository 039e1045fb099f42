/**
 * The named schemas of one document. What a validator names stands once under
 * `components.schemas`, and everybody points there; cycles are such pointers. What it has to name
 * itself, to be able to point at it, gets a name from where it is used.
 */
import { isDeepStrictEqual } from 'node:util';
import { nameOfToken } from '@org/core';

import { type JsonSchema, jsonSchemaOf, type RouteSchema } from './schema.ts';

/** Where a schema is used, for names and for errors. */
export interface SchemaUse {
  /** For people, such as `the query of GET /cities`. */
  readonly where: string;
  /** In UpperCamelCase, such as `GetCitiesQuery`. */
  readonly name: string;
}

/** Names that a validator made up, such as `__schema0` of zod: they mean nothing elsewhere. */
const MADE_UP = /^__/;
/** What a component may be called (OpenAPI 3.1.1 §4.8.7). */
const NAME = /^[\w.-]+$/;

export class SchemaComponents {
  private readonly schemas = new Map<string, JsonSchema>();
  private readonly known = new Map<RouteSchema, JsonSchema>();
  /** What is wrong, one sentence each. */
  readonly problems: string[] = [];

  /** Names a schema of this package's own. */
  define(name: string, schema: JsonSchema): JsonSchema {
    this.keep(name, schema, { where: 'the answer to a problem', name });
    return pointerTo(name);
  }

  /** A schema as the document has it; what is wrong with it is noted. */
  use(schema: RouteSchema, use: SchemaUse): JsonSchema {
    const known = this.known.get(schema);
    if (known !== undefined) return known;
    let converted: JsonSchema;
    try {
      converted = this.take(jsonSchemaOf(schema), use);
    } catch (error) {
      this.problems.push(
        `${use.where} cannot be told as JSON Schema: ${error instanceof Error ? error.message : String(error)}. Give { schema, jsonSchema }.`,
      );
      converted = {};
    }
    this.known.set(schema, converted);
    return converted;
  }

  /** The object that a schema stands for: pointers are followed. */
  resolve(schema: JsonSchema): JsonSchema {
    let at = schema;
    for (let hops = 0; hops < 16; hops++) {
      const name = typeof at['$ref'] === 'string' ? at['$ref'].slice(PREFIX.length) : undefined;
      const target = name === undefined ? undefined : this.schemas.get(name);
      if (target === undefined) return at;
      at = target;
    }
    return at;
  }

  /** All of them, by name. */
  byName(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries(
      [...this.schemas].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))),
    );
  }

  /** Moves definitions to the components, and turns all pointers to them. */
  private take(given: JsonSchema, use: SchemaUse): JsonSchema {
    const { $schema: _dialect, $defs: definitions = {}, ...root } = given;
    const names = new Map<string, string>();
    for (const name of Object.keys(definitions as object)) {
      const own = MADE_UP.test(name) ? `${use.name}${names.size + 1}` : name;
      if (!NAME.test(own)) {
        this.problems.push(
          `${use.where} has a schema called ${JSON.stringify(name)}; use letters, digits, ".", "-" and "_".`,
        );
      }
      names.set(name, own.replaceAll(/[^\w.-]/g, '_'));
    }
    const pointers = pointersIn({ root, definitions });
    const isRecursive = pointers.includes('#');
    if (isRecursive) names.set('', use.name);
    for (const pointer of new Set(pointers)) {
      if (nameOf(pointer, names) !== undefined || pointer.startsWith(PREFIX)) continue;
      this.problems.push(`${use.where} points to ${pointer}, which its "$defs" do not have.`);
    }
    for (const [name, definition] of Object.entries(definitions as Record<string, JsonSchema>)) {
      this.keep(names.get(name)!, turn(definition, names), use);
    }
    const turned = turn(root, names);
    if (!isRecursive) return turned;
    this.keep(use.name, turned, use);
    return pointerTo(use.name);
  }

  private keep(name: string, schema: JsonSchema, { where }: SchemaUse): void {
    // The pointer of a registry of names; OpenAPI has the name already.
    const { id: _id, ...definition } = schema;
    const known = this.schemas.get(name);
    if (known === undefined) {
      this.schemas.set(name, definition);
    } else if (!isDeepStrictEqual(known, definition)) {
      this.problems.push(`${where} has a schema called "${name}", which is already another one.`);
    }
  }
}

const PREFIX = '#/components/schemas/';

export function pointerTo(name: string): { readonly $ref: string } {
  return { $ref: `${PREFIX}${name}` };
}

/** Every pointer to a place in the schema itself. */
function pointersIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]: [string, unknown]) =>
    key === '$ref' && typeof member === 'string'
      ? member.startsWith('#')
        ? [member]
        : []
      : pointersIn(member),
  );
}

/** The component that a pointer leads to. */
function nameOf(pointer: string, names: ReadonlyMap<string, string>): string | undefined {
  const local = pointer === '#' ? '' : pointer.replace(/^#\/\$defs\//, '');
  return names.get(nameOfToken(decodeURIComponent(local)));
}

/** A copy whose pointers lead to the components. */
function turn<T>(value: T, names: ReadonlyMap<string, string>): T {
  if (Array.isArray(value)) return value.map((member: unknown) => turn(member, names)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([key, member]) => !isSafeLimit(key, member));
  return Object.fromEntries(
    members.map(([key, member]: [string, unknown]) => {
      if (key !== '$ref' || typeof member !== 'string') return [key, turn(member, names)];
      const name = nameOf(member, names);
      return [key, name === undefined ? member : pointerTo(name).$ref];
    }),
  ) as T;
}

/**
 * zod tells of every integer that it is one that JSON can carry (RFC 8259 §6), which says nothing
 * of the API, and makes pages show the least of them as the example.
 */
function isSafeLimit(key: string, limit: unknown): boolean {
  return (
    (key === 'minimum' && limit === Number.MIN_SAFE_INTEGER) ||
    (key === 'maximum' && limit === Number.MAX_SAFE_INTEGER)
  );
}
