/** The examples of a route: held to its schemas, and shown where they belong. */
import { OptionError, report } from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { fullAnswer, type RouteAnswer, type RouteDescription } from './description.ts';
import { issueText } from './issue-text.ts';
import { validatorOf } from './schema.ts';

/**
 * Checks the examples of a route, now where the schemas can.
 * @throws OptionError naming the examples that the schemas do not allow
 */
export function checkExamples(owner: string, description: RouteDescription): void {
  const problems: string[] = [];
  const check = (what: string, validator: StandardSchemaV1, value: unknown): void => {
    const result = validator['~standard'].validate(value);
    const judge = ({ issues }: StandardSchemaV1.Result<unknown>): string | undefined =>
      issues === undefined ? undefined : `${what} is not as its schema: ${issueText(issues)}.`;
    if (result instanceof Promise) {
      result
        .then((late) => {
          const problem = judge(late);
          if (problem !== undefined) throw new OptionError(owner, [problem]);
        })
        .catch((error: unknown) => report(error, 'openapi example'));
    } else {
      const problem = judge(result);
      if (problem !== undefined) problems.push(problem);
    }
  };
  for (const [name, example] of Object.entries(description.examples ?? {})) {
    for (const part of ['params', 'query', 'headers', 'body'] as const) {
      const schema = description[part];
      if (example[part] === undefined) continue;
      if (schema === undefined)
        problems.push(`example "${name}" has ${part}, which has no schema.`);
      else check(`${part} of example "${name}"`, validatorOf(schema), example[part]);
    }
    if (example.answer === undefined) continue;
    const status = exampleStatus(description, example.status);
    const answer = (description.responses as Record<string, RouteAnswer>)?.[status];
    const body = answer === undefined ? undefined : fullAnswer(answer).body;
    if (body === undefined) {
      problems.push(`example "${name}" has an answer ${status}, which has no schema.`);
    } else {
      check(`answer of example "${name}"`, validatorOf(body), example.answer);
    }
  }
  if (problems.length > 0) throw new OptionError(owner, problems);
}

/** The status that an example's answer belongs to: the first that is described, unless it says so. */
export function exampleStatus({ responses = {} }: RouteDescription, status?: number): string {
  return String(status ?? Object.keys(responses)[0] ?? 200);
}

/** The examples that have a value here, by name. */
export function entriesOf(
  { examples = {} }: RouteDescription,
  valueOf: (example: NonNullable<RouteDescription['examples']>[string]) => unknown,
): object | undefined {
  const entries = Object.entries(examples).flatMap(([name, example]) => {
    const value = valueOf(example);
    if (value === undefined) return [];
    const summary = example.summary === undefined ? {} : { summary: example.summary };
    return [[name.replaceAll(/[^\w.-]/g, '_'), { ...summary, value }] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
