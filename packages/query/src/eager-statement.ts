/**
 * The one statement that loads for many: by `= any($1)`, and where each may have so many rows only,
 * by a lateral join for each of the keys. Every row says whose it is.
 */
import { quoted } from './identifier.ts';
import type { EagerOptions } from './eager-options.ts';
import { orderedColumn } from './order.ts';

/** The column in which a row says whose it is. */
export const OWNER = 'eager_owner';

/** The column in which it says where it stands in a list that was cut. */
export const PLACE = 'eager_place';

/** The statement for a list of keys, its only value. */
export function eagerStatement(options: EagerOptions): string {
  const { from, key, foreignKey, through, columns, where, orderBy, limit } = options;
  const shown =
    columns === undefined ? 't.*' : columns.map((column) => `t.${quoted(column)}`).join(', ');
  const order = orderBy
    .map((one) => orderedColumn('eager', one))
    .map(({ column, descending, nulls }) => {
      const put = nulls === 'none' ? '' : ` nulls ${nulls}`;
      return `t.${quoted(column)} ${descending ? 'desc' : 'asc'}${put}`;
    });
  const table = `${quoted(from)} t`;
  const [source, owner, ownerTable] =
    through === undefined
      ? [table, `t.${quoted(foreignKey ?? key!)}`, from]
      : [
          `${quoted(through.table)} j join ${table} on t.${quoted(key!)} = j.${quoted(through.key)}`,
          `j.${quoted(through.foreignKey)}`,
          through.table,
        ];
  const also = where === undefined ? '' : ` and (${where})`;
  const ordered = order.length === 0 ? '' : ` order by ${order.join(', ')}`;
  if (limit === undefined) {
    return `select ${shown}, to_json(${owner}) #>> '{}' as ${OWNER} from ${source} where ${owner} = any($1)${also}${ordered}`;
  }
  // The type of the keys is that of their column: a CASE has the type of its branches.
  const column = quoted(through === undefined ? (foreignKey ?? key!) : through.foreignKey);
  const keys = `unnest(case when false then (select array_agg(${column}) from ${quoted(ownerTable)} where false) else $1 end)`;
  return `select t.*, to_json(k.key) #>> '{}' as ${OWNER} from ${keys} with ordinality k(key, place) cross join lateral (select ${shown}, row_number() over (${ordered.trimStart()}) as ${PLACE} from ${source} where ${owner} = k.key${also}${ordered} limit ${limit}) t order by k.place, t.${PLACE}`;
}
