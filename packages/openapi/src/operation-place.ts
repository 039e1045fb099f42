/** Where an operation is, and what is called by it. */
import type { SchemaUse } from './components.ts';
import type { PathTemplate } from './path-template.ts';

/** Where an operation is. */
export interface OperationPlace {
  readonly method: string;
  readonly template: PathTemplate;
  readonly operationId: string;
}

/** What a schema of the operation is called, for people and as a component. */
export function useOf(what: string, { method, template, operationId }: OperationPlace): SchemaUse {
  const camel = (text: string): string =>
    text
      .split(/[^A-Za-z0-9]+/)
      .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
      .join('');
  return {
    where: `the ${what} of ${method.toUpperCase()} ${template.path}`,
    name: camel(operationId) + camel(what),
  };
}
