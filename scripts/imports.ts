/**
 * Every module that a source file names, in whatever form it does so. The syntax tree is asked
 * and not a pattern: an import in a comment or a string is none, and one spread over lines is one.
 */
import ts from 'typescript';

export interface Import {
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
  /**
   * `static` is loaded with its importer, `type` only names types, `lazy` is loaded when the code
   * gets there, and of `computed` only a part is known: the text that it begins with.
   */
  readonly kind: 'static' | 'type' | 'lazy' | 'computed';
}

/** The imports of a TypeScript or JavaScript file, in the order of its text. */
export function importsOf(text: string, file: string): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, false);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const named = nameIn(node);
    if (named !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(named.at.getStart(source));
      found.push({ specifier: named.specifier, line: line + 1, kind: named.kind });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

interface Named {
  readonly at: ts.Node;
  readonly specifier: string;
  readonly kind: Import['kind'];
}

function nameIn(node: ts.Node): Named | undefined {
  if (ts.isImportDeclaration(node)) {
    return literal(node.moduleSpecifier, isTypeOnly(node.importClause) ? 'type' : 'static');
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return literal(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
    return literal(node.moduleReference.expression, node.isTypeOnly ? 'type' : 'static');
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return literal(node.argument.literal, 'type');
  }
  // `declare module 'x'` widens the types of x, so its author knows x.
  if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) {
    return literal(node.name, 'type');
  }
  if (ts.isCallExpression(node)) return call(node);
  return undefined;
}

/** An import that keeps nothing at run time: `import type`, or only `type` names between braces. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly)
  );
}

function call(node: ts.CallExpression): Named | undefined {
  const [argument] = node.arguments;
  if (argument === undefined) return undefined;
  const callee = node.expression;
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return literal(argument, 'lazy');
  if (ts.isIdentifier(callee) && callee.text === 'require') return literal(argument, 'static');
  // require.resolve(x), module.require(x), import.meta.resolve(x)
  if (ts.isPropertyAccessExpression(callee)) {
    const owner = callee.expression;
    const method = callee.name.text;
    if (method === 'require') return literal(argument, 'static');
    const resolves =
      (ts.isIdentifier(owner) && owner.text === 'require') || ts.isMetaProperty(owner);
    if (method === 'resolve' && resolves) return literal(argument, 'lazy');
  }
  return undefined;
}

function literal(node: ts.Node | undefined, kind: Import['kind']): Named | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return { at: node, specifier: node.text, kind };
  if (ts.isTemplateExpression(node)) {
    return { at: node, specifier: node.head.text, kind: 'computed' };
  }
  if (ts.isBinaryExpression(node)) {
    const start = literal(node.left, 'computed');
    return start && { ...start, kind: 'computed' };
  }
  return undefined;
}
