/** Shapes, ready for answers: everything that a shape decides by itself is decided once. */
import { type Exchange, PROBLEM_JSON, type ValueKind } from '@org/core';

import { checkKnown, type Chosen, chosenOf, EVERYTHING, parseFields } from './fields.ts';
import { dateFormat } from './formats.ts';
import { HAL_LINKS, PLAIN_LINKS } from './links.ts';
import { renameFor } from './name-case.ts';
import type { TransformOptions } from './options.ts';
import { pageFinder, tellPage } from './pages.ts';
import { redactedAnywhere, type Rules, rulesOf } from './rules.ts';
import type { FieldSelection, FindPage, Shape } from './shape.ts';
import { isThorough, type Pass, walk } from './walk.ts';

/** Choices of clients that are remembered. */
const MAX_CHOICES = 256;

export class CompiledShape {
  /** Members that a client may choose by; absent where it may not. */
  readonly selection: FieldSelection | undefined;
  private readonly shape: Shape;
  private readonly findPage: FindPage | undefined;
  private readonly pass: Pass;
  /** The same for answers that tell of errors: an error has no links. */
  private readonly errorPass: Pass;
  private readonly rules: Rules | undefined;
  private readonly walks: boolean;
  private readonly known: Chosen | undefined;
  private readonly choices: Map<string, Chosen> = new Map();
  private readonly versions: ReadonlyMap<string, CompiledShape>;

  constructor(shape: Shape, bounds: Pick<TransformOptions, 'maxDepth' | 'maxNodes'>) {
    const { fields = false, case: style, dates, mask, pagination, versions = {} } = shape;
    this.shape = shape;
    this.selection = fields === false ? undefined : fields === true ? {} : fields;
    this.findPage = pagination === undefined ? undefined : pageFinder(pagination);
    this.rules = rulesOf(shape);
    this.pass = {
      rename: style === undefined ? undefined : renameFor(style),
      anywhere: redactedAnywhere(shape),
      mask,
      writeDate: typeof dates === 'string' && dates !== 'iso' ? dateFormat(dates) : undefined,
      bigintsAsText: shape.bigints === 'text',
      links: shape.hal === true ? HAL_LINKS : PLAIN_LINKS,
      maxDepth: bounds.maxDepth,
      maxNodes: bounds.maxNodes,
    };
    this.errorPass = { ...this.pass, links: undefined };
    this.walks = this.rules !== undefined || isThorough(this.pass);
    const known = this.selection?.known;
    this.known = known === undefined ? undefined : chosenOf(known.map((path) => path.split('.')));
    this.versions = new Map(
      Object.entries(versions).map(([name, own]) => [name, new CompiledShape(own, bounds)]),
    );
  }

  /** The shape for the version of a request. */
  at(version: string | undefined): CompiledShape {
    return version === undefined ? this : (this.versions.get(version) ?? this);
  }

  /** What a client has chosen. @throws ProblemError 400 */
  choose({ req }: Exchange): Chosen | undefined {
    const { selection } = this;
    if (selection === undefined) return undefined;
    const { parameter = 'fields', always = [], at } = selection;
    if (!req.url.includes(parameter)) return undefined;
    const given: unknown = (req.query as Readonly<Record<string, unknown>>)[parameter];
    if (given === undefined) return undefined;
    const remembered = typeof given === 'string' ? this.choices.get(given) : undefined;
    if (remembered !== undefined) return remembered;
    const parsed = parseFields(parameter, given, always);
    if (this.known !== undefined) checkKnown(parameter, parsed, this.known);
    const chosen = at === undefined ? parsed : placed(parsed, at.split('.'));
    if (this.choices.size >= MAX_CHOICES) this.choices.clear();
    this.choices.set(given as string, chosen);
    return chosen;
  }

  /** A value as it is sent. @throws TypeError for one that is too deep or too large */
  apply(value: unknown, exchange: Exchange, kind: ValueKind, chosen: Chosen | undefined): unknown {
    const { envelope = false, problems = false } = this.shape;
    if (kind === 'problem') return problems ? this.walked(value, undefined, this.errorPass) : value;
    if (kind === 'line') {
      // The place of the resource is that of lines too.
      return this.walked(value, this.unplaced(chosen), this.pass);
    }
    if (exchange.res.statusCode >= 400) {
      if (!problems && isProblem(exchange)) return value;
      // What is redacted stays so, whatever the status; but nobody chooses among an error's members.
      return this.walked(value, undefined, this.errorPass);
    }
    const shaped = this.walked(value, chosen, this.pass);
    if (this.findPage !== undefined) tellPage(exchange, this.findPage(value, exchange));
    if (envelope === false) return shaped;
    const { name = 'data', meta } = envelope === true ? {} : envelope;
    const more = meta?.(value, exchange);
    return more === undefined ? { [name]: shaped } : { [name]: shaped, meta: more };
  }

  private walked(value: unknown, chosen: Chosen | undefined, pass: Pass): unknown {
    if (!this.walks && chosen === undefined) return value;
    return walk(pass, value, this.rules, chosen);
  }

  private unplaced(chosen: Chosen | undefined): Chosen | undefined {
    const names = this.selection?.at?.split('.') ?? [];
    return names.reduce<Chosen | undefined>((at, name) => at?.members.get(name), chosen);
  }
}

/** A choice within a place: what stands beside the place stays. */
function placed(chosen: Chosen, names: readonly string[]): Chosen {
  return names.reduceRight<Chosen>(
    (inner, name) => ({ members: new Map([[name, inner]]), rest: EVERYTHING, all: false }),
    chosen,
  );
}

/** A problem document that a handler sends by itself. */
function isProblem({ res }: Exchange): boolean {
  return String(res.getHeader('Content-Type') ?? '').startsWith(PROBLEM_JSON);
}
