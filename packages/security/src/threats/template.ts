/** Template injection: an expression in the brackets of a template language that computes. `{{name}}` is a placeholder. */
import { HAS } from './characters.ts';
import type { Notes } from './notes.ts';

const EXPRESSION =
  /\{\{([^{}]{1,300})\}\}|[$#@*]\{([^{}]{1,300})\}|<%[=#-]?([^%]{1,300})%>|\{%([^%{}]{1,300})%\}|\$\{\{([^{}]{1,300})\}\}|\{([#$@]\w[^{}]{0,300})\}|\{php\}([\s\S]{1,200})\{\/php\}|<#assign([^>]{1,300})>|#set\s?\(([^)]{1,200})\)/gi;
/** Arithmetic on constants, calls, ways into the runtime. */
const COMPUTES =
  /^\s*\(?['"]?\d+['"]?\s*[*+\-/]\s*['"]?\d+|\d\s*\*\s*\d|\w\s*\(.{0,200}\)|__\w+__|\bT\(|@\w+@|\bconstructor\b|\bprototype\b|\bprocess\b|\brequire\b|\bself\.|\bconfig\b|\brequest\.|\bapplication\b|\bsession\b|\bcycler\b|\blipsum\b|java\.|Runtime|getClass|\bsystem\b|\bexec\b|\|\s?(?:attr|safe|map|filter|join|format|system)\b|\[['"]?__|\bnew\b|\?new|'\s*[*~.]\s*\d|\b_self\b|\bdump\b|\$\w+->|`[^`]+`/i;
const WAYS_IN =
  /__(?:class|mro|subclasses|globals|builtins|base)__|__import__\s{0,4}\(|\bT\(java|freemarker\.|getRuntime|@java\.lang|#_memberAccess|class\.classLoader|classLoader\.|ognl\./i;
const STATEMENT = /^\s*(?:for|if|set|import|include|extends|macro|debug|with|raw)\b/;

/** Notes what a text holds of templates that compute. */
export function inspectTemplate(text: string, characters: number, notes: Notes): void {
  if ((characters & (HAS.brace | HAS.angle | HAS.hash)) !== 0) {
    let seen = 0;
    for (const match of text.matchAll(EXPRESSION)) {
      if (seen++ > 200) break;
      const inner = match.slice(1).find((part) => part !== undefined) ?? '';
      if (!COMPUTES.test(inner)) continue;
      // In code and prose, expressions are quoted in the middle of more; injected, they are all there is.
      const alone = text.length < match[0].length + 60;
      const arithmetic = /^\s*\(?['"]?\d+['"]?\s*[*+\-/]\s*['"]?\d+['"]?\)?\s*$/.test(inner);
      notes.add(
        'template',
        'template-expression',
        alone ? 5 : arithmetic ? 4 : STATEMENT.test(inner) ? 1 : 2,
        match.index,
      );
    }
  }
  const way = WAYS_IN.exec(text);
  if (way !== null) notes.add('template', 'template-runtime', text.length < 600 ? 5 : 3, way.index);
}
