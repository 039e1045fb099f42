/**
 * JSON Schema (2020-12) as far as answers are made from it: every keyword of the validation and
 * applicator vocabularies but dynamic references. A schema with something else is refused, not
 * answered wrongly.
 */
import { nameOfToken, OptionError } from '@org/core';

/** A JSON Schema: an object, or a boolean for anything and nothing. */
export type JsonSchema = boolean | SchemaObject;

export interface SchemaObject {
  readonly [keyword: string]: unknown;
}

/** Keywords that hold one schema, a list of them, or schemas by name. */
export const SCHEMA_KEYWORDS: readonly string[] = [
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
];
const LIST_KEYWORDS: readonly string[] = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP_KEYWORDS: readonly string[] = [
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
];
const VALUE_KEYWORDS: readonly string[] = [
  'const',
  'dependentRequired',
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maxContains',
  'maxItems',
  'maxLength',
  'maximum',
  'maxProperties',
  'minContains',
  'minItems',
  'minLength',
  'minimum',
  'minProperties',
  'multipleOf',
  'pattern',
  'required',
  'type',
  'uniqueItems',
];
/** They say something about a schema, and nothing of its values. */
const ANNOTATIONS: readonly string[] = [
  '$anchor',
  '$comment',
  '$id',
  '$schema',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'default',
  'deprecated',
  'description',
  'discriminator',
  'example',
  'examples',
  'externalDocs',
  'readOnly',
  'title',
  'writeOnly',
  'xml',
];
const KNOWN: ReadonlySet<string> = new Set([
  '$ref',
  ...SCHEMA_KEYWORDS,
  ...LIST_KEYWORDS,
  ...MAP_KEYWORDS,
  ...VALUE_KEYWORDS,
  ...ANNOTATIONS,
]);

/** How deep a schema may be. */
const MAX_DEPTH = 100;

/** A schema whose keywords are known, and whose references lead somewhere. */
export class Schema {
  readonly root: JsonSchema;
  private readonly anchors: Map<string, JsonSchema> = new Map();
  private readonly patterns: Map<string, RegExp> = new Map();

  private constructor(root: JsonSchema) {
    this.root = root;
  }

  /** @throws OptionError for keywords and references that are not known */
  static compile(root: JsonSchema, name: string): Schema {
    const schema = new Schema(root);
    const references: string[] = [];
    const problem = schema.look(root, references, 0);
    const lost = references.find((reference) => schema.find(reference) === undefined);
    const what = problem ?? (lost === undefined ? undefined : `has no "${lost}"`);
    if (what !== undefined)
      throw new OptionError('devtools', [`the schema of mock "${name}" ${what}.`]);
    return schema;
  }

  /** What a reference leads to; `compile` has made sure that there is something. */
  resolve(reference: string): JsonSchema {
    return this.find(reference)!;
  }

  /** Patterns are compiled once, as JSON Schema reads them: anywhere in the text, by code point. */
  pattern(source: string): RegExp {
    let regexp = this.patterns.get(source);
    if (regexp === undefined) {
      regexp = new RegExp(source, 'u');
      this.patterns.set(source, regexp);
    }
    return regexp;
  }

  private find(reference: string): JsonSchema | undefined {
    if (reference === '#') return this.root;
    if (!reference.startsWith('#/')) return this.anchors.get(reference);
    let at: unknown = this.root;
    for (const segment of reference.slice(2).split('/')) {
      const name = nameOfToken(decodeURIComponent(segment));
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
      at = (at as Readonly<Record<string, unknown>>)[name];
    }
    return isSchema(at) ? at : undefined;
  }

  /** What is wrong with a schema; nothing where it is known. */
  private look(schema: unknown, references: string[], depth: number): string | undefined {
    if (typeof schema === 'boolean') return undefined;
    if (!isSchema(schema)) return 'has something in the place of a schema that is none';
    if (depth > MAX_DEPTH) return 'is too deep';
    for (const [keyword, value] of Object.entries(schema as SchemaObject)) {
      const problem = this.lookAt(keyword, value, schema as SchemaObject, references, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private lookAt(
    keyword: string,
    value: unknown,
    schema: SchemaObject,
    references: string[],
    depth: number,
  ): string | undefined {
    if (!KNOWN.has(keyword) && !keyword.startsWith('x-')) {
      return `uses the keyword "${keyword}", from which no answers can be made`;
    }
    if (keyword === '$ref') references.push(String(value));
    if (keyword === '$anchor') this.anchors.set(`#${String(value)}`, schema);
    const parts = SCHEMA_KEYWORDS.includes(keyword)
      ? [value]
      : LIST_KEYWORDS.includes(keyword)
        ? value
        : MAP_KEYWORDS.includes(keyword)
          ? Object.values(value ?? {})
          : [];
    if (!Array.isArray(parts)) return `has a "${keyword}" that is no list`;
    try {
      if (keyword === 'pattern') this.pattern(String(value));
      if (keyword === 'patternProperties')
        Object.keys(value ?? {}).forEach((one) => this.pattern(one));
    } catch (error) {
      return `has a pattern that is none: ${(error as Error).message}`;
    }
    for (const part of parts) {
      const problem = this.look(part, references, depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

export function isSchema(value: unknown): value is JsonSchema {
  return (
    typeof value === 'boolean' ||
    (typeof value === 'object' && value !== null && !Array.isArray(value))
  );
}
