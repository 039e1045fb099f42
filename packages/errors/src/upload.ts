/** Errors of `multer`, told by their code, and of the multipart parser beneath it, which has no codes. */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

const TOO_LARGE: Readonly<Record<string, string>> = Object.freeze({
  LIMIT_PART_COUNT: 'The form has too many parts.',
  LIMIT_FILE_SIZE: 'A file is too large.',
  LIMIT_FILE_COUNT: 'The form has too many files.',
  LIMIT_FIELD_KEY: 'The name of a field is too long.',
  LIMIT_FIELD_VALUE: 'The value of a field is too long.',
  LIMIT_FIELD_COUNT: 'The form has too many fields.',
});

const MALFORMED: Readonly<Record<string, string>> = Object.freeze({
  LIMIT_UNEXPECTED_FILE: 'The form has a file where none is expected.',
  LIMIT_FIELD_NESTING: 'The name of a field is nested too deeply.',
  LIMIT_FIELD_ARRAY_INDEX: 'The name of a field has too large an index.',
  MISSING_FIELD_NAME: 'A field has no name.',
  INVALID_FIELD_NAME: 'The name of a field is not valid.',
});

/** What busboy says; these messages are its only mark. */
const PARSER_MESSAGES: ReadonlySet<unknown> = new Set([
  'Multipart: Boundary not found',
  'Malformed part header',
  'Malformed content type',
  'Unexpected end of form',
  'Unexpected end of file',
  'Malformed urlencoded form',
]);

/** How much of a field's name is sent back: names come from the client and have no length of their own. */
const FIELD_LENGTH = 100;

export function mapUpload(error: ErrorLike): ProblemError | undefined {
  const { code, field } = error;
  if (error.name === 'MulterError' && typeof code === 'string') {
    const tooLarge = TOO_LARGE[code];
    const detail = tooLarge ?? MALFORMED[code];
    if (detail === undefined) return undefined;
    return new ProblemError({
      code: `ERR_UPLOAD_${code}`,
      status: tooLarge === undefined ? 400 : 413,
      detail,
      ...(typeof field === 'string' ? { extensions: { field: field.slice(0, FIELD_LENGTH) } } : {}),
      cause: error,
    });
  }
  if (!PARSER_MESSAGES.has(error.message)) return undefined;
  return new ProblemError({
    code: 'ERR_UPLOAD_MALFORMED',
    status: 400,
    detail: 'The form cannot be parsed.',
    cause: error,
  });
}
