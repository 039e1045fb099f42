/** Schemas as validators share them (Standard Schema v1), and those of ajv in that form. */
import { nameOfToken, OptionError } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A compiled validator of ajv: a function that leaves its errors on itself. */
export interface AjvValidate<T> {
  (value: unknown): value is T;
  errors?: readonly AjvError[] | null | undefined;
}

interface AjvError {
  readonly instancePath: string;
  readonly message?: string | undefined;
  readonly params?: object | undefined;
}

/**
 * A validator that `ajv.compile` made, as a Standard Schema. Ajv coerces and fills in defaults
 * in place: what is validated is a copy.
 * @throws OptionError for an asynchronous schema (`$async`), whose promise would pass for a yes
 */
export function fromAjv<T>(validate: AjvValidate<T>): StandardSchemaV1<unknown, T> {
  if ('$async' in validate) {
    throw new OptionError('fromAjv', [
      'the schema must not be $async: compile it without, and do what takes time in the handler.',
    ]);
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'ajv',
      validate(value) {
        const copy: unknown = structuredClone(value);
        if (validate(copy)) return { value: copy };
        return { issues: (validate.errors ?? []).map(issueOf) };
      },
    },
  };
}

function issueOf({ instancePath, message, params }: AjvError): StandardSchemaV1.Issue {
  const path = instancePath.split('/').slice(1).map(nameOfToken);
  // Ajv points at the object that lacks a property, and names the property beside it.
  const { missingProperty } = (params ?? {}) as { readonly missingProperty?: unknown };
  if (typeof missingProperty === 'string') path.push(missingProperty);
  return { message: message ?? 'is not valid', path };
}
