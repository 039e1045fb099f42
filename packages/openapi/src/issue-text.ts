/** What a schema has found, in a line. */
import { type SchemaIssue, schemaIssue } from '@org/core';

/** More issues than this fit no line. */
const MAX_ISSUES = 5;

/** Issues, for those who maintain the route. */
export function issueText(issues: readonly SchemaIssue[]): string {
  return issues
    .slice(0, MAX_ISSUES)
    .map(schemaIssue)
    .map(({ pointer, detail }) => `${pointer}: ${detail}`)
    .join('; ');
}
