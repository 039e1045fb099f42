/** Shapes, ready for answers: everything that a shape decides by itself is decided once. */
import type { Exchange, ValueKind } from '@org/core';

import { codedAddress } from './address.ts';
import { checkKnown, type Chosen, chosenOf, EVERYTHING, parseFields } from './fields.ts';
import { renameFor } from './name-case.ts';
import type { TransformOptions } from './options.ts';
import { type Rules, rulesOf } from './rules.ts';
import type { FieldSelection, Pagination, Shape } from './shape.ts';
import { type Pass, walk } from './walk.ts';

/** Choices of clients that are remembered. */
const MAX_CHOICES = 256;

export class CompiledShape {
  /** Members that a client may choose by; absent where it may not. */
  readonly selection: FieldSelection | undefined;
  private readonly shape: Shape;
  private readonly pass: Pass;
  private readonly rules: Rules | undefined;
  private readonly walks: boolean;
  private readonly known: Chosen | undefined;
  private readonly choices: Map<string, Chosen> = new Map();
  private readonly versions: ReadonlyMap<string, CompiledShape>;

  constructor(shape: Shape, bounds: Pick<TransformOptions, 'maxDepth' | 'maxNodes'>) {
    const { fields = false, case: style, dates = 'iso', mask, versions = {} } = shape;
    this.shape = shape;
    this.selection = fields === false ? undefined : fields === true ? {} : fields;
    this.rules = rulesOf(shape);
    this.pass = {
      ...bounds,
      rename: style === undefined ? undefined : renameFor(style),
      mask,
      writeDate: DATES[dates],
    };
    this.walks = style !== undefined || this.rules !== undefined || dates !== 'iso';
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
    const { envelope = false, pagination, problems = false } = this.shape;
    if (kind === 'problem' || (kind === 'whole' && exchange.res.statusCode >= 400)) {
      return problems ? this.walked(value, undefined) : value;
    }
    // The place of a page is that of lines too.
    const shaped = this.walked(value, kind === 'line' ? this.unplaced(chosen) : chosen);
    if (kind === 'line') return shaped;
    if (pagination !== undefined) tell(exchange, pagination(value, exchange));
    if (envelope === false) return shaped;
    const { name = 'data', meta } = envelope === true ? {} : envelope;
    const more = meta?.(value, exchange);
    return more === undefined ? { [name]: shaped } : { [name]: shaped, meta: more };
  }

  private walked(value: unknown, chosen: Chosen | undefined): unknown {
    if (!this.walks && chosen === undefined) return value;
    return walk(this.pass, value, this.rules, chosen);
  }

  private unplaced(chosen: Chosen | undefined): Chosen | undefined {
    const names = this.selection?.at?.split('.') ?? [];
    return names.reduce<Chosen | undefined>((at, name) => at?.members.get(name), chosen);
  }
}

const DATES: Readonly<Record<NonNullable<Shape['dates']>, (date: Date) => unknown>> = {
  iso: (date) => date,
  'unix-s': (date) => Math.floor(date.getTime() / 1000),
  'unix-ms': (date) => date.getTime(),
};

/** A choice within a place: what stands beside the place stays. */
function placed(chosen: Chosen, names: readonly string[]): Chosen {
  return names.reduceRight<Chosen>(
    (inner, name) => ({ members: new Map([[name, inner]]), rest: EVERYTHING, all: false }),
    chosen,
  );
}

function tell({ res }: Exchange, page: Pagination | undefined): void {
  if (page === undefined) return;
  const links = Object.entries(page.links ?? {}).flatMap(([relation, address]) =>
    typeof address === 'string' ? [`<${codedAddress(address)}>; rel="${relation}"`] : [],
  );
  if (links.length > 0) res.append('Link', links.join(', '));
  if (page.total !== undefined) res.setHeader('X-Total-Count', String(page.total));
}
