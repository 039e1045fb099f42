/** A problem as lines of text, for those who read in a terminal. */
import type { ProblemDocument } from './document.ts';

export function plainText(document: ProblemDocument): string {
  const { status, title, detail, code, errorId, stack } = document;
  const lines = [`${status} ${title}`];
  if (detail !== undefined) lines.push('', detail);
  lines.push('', `Code: ${code}`, `Error id: ${errorId}`);
  if (stack !== undefined) lines.push('', ...stack);
  return `${lines.join('\n')}\n`;
}
