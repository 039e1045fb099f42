/** What words mean to SQL: the keywords of its dialects, by the part they play, and functions. */
import { words } from './words.ts';

/** Kinds of tokens, one letter each, so that a statement reads as a short text. */
const KEYWORDS: Readonly<Record<string, string>> = Object.freeze({
  // between operands
  '&': 'and or xor eqv imp',
  o: 'like rlike regexp ilike glob match is in between sounds similar isnull notnull against overlaps div mod collate escape member',
  '!': 'not',
  // operands
  '0': 'null true false unknown default current_date current_time current_timestamp current_user session_user system_user localtime localtimestamp sysdate rownum utc_date utc_time utc_timestamp',
  // before operands
  k: 'all distinct distinctrow top binary any some exists interval row array as asc desc using with rollup recursive only prior if unsigned signed varchar char int integer numeric bool boolean nvarchar boolean mode',
  // between parts of a statement
  B: 'where having group order limit offset from into set on by join procedure for returning outfile dumpfile',
  U: 'union except intersect minus',
  S: 'select',
  C: 'case when then else elseif',
  Z: 'end',
  // statements
  M: 'insert update delete drop create alter truncate replace merge grant revoke exec execute declare shutdown waitfor begin call load handler use rename backup restore print kill goto copy vacuum analyze explain describe show attach detach pragma commit rollback lock unlock reconfigure openrowset opendatasource deny dbcc bulk do prepare deallocate while break return',
});

const KINDS: ReadonlyMap<string, string> = new Map(
  Object.entries(KEYWORDS).flatMap(([kind, list]) => [...words(list)].map((word) => [word, kind])),
);

/** Part that a word plays, or `n`: a name. */
export function kindOfWord(lowerCase: string): string {
  return KINDS.get(lowerCase) ?? 'n';
}

/** Functions that nobody writes but to wait, read files, run programs, call out or make errors speak. */
export const TELLING_FUNCTIONS: ReadonlySet<string> = words(`
  sleep benchmark pg_sleep pg_sleep_for dbms_lock.sleep dbms_pipe.receive_message receive_message
  load_file load_extension extractvalue updatexml xmltype elt make_set json_keys json_extract
  utl_inaddr.get_host_address utl_inaddr.get_host_name get_host_address get_host_name utl_http.request
  ctxsys.drithsx.sn dbms_xslprocessor dbms_utility.sqlid_to_sqlhash sqlid_to_sqlhash xp_cmdshell xp_dirtree xp_regread xp_regwrite
  sp_password sp_executesql sp_oacreate sp_makewebtask xp_fileexist xp_servicecontrol
  master..xp_cmdshell randomblob generate_series gtid_subset gtid_subtract name_const procedure_analyse
  pg_read_file pg_ls_dir lo_import lo_export current_setting query_to_xml database_to_xml
  group_concat concat_ws string_agg wm_concat listagg sys_context is_srvrolemember has_dbaccess
  row_count polygon multipoint geometrycollection linestring
`);

/** Functions that also stand in ordinary formulas. */
export const FUNCTIONS: ReadonlySet<string> = words(`
  abs acos ascii asin atan avg bin bit_and bit_or bit_xor cast ceil char char_length chr coalesce compress concat
  conv convert convert_int cos count crc32 cot curdate current_user database date datediff db_name db_id decode degrees
  encode exp field find_in_set floor format greatest hex host_name if ifnull iif insert instr
  isnull json_array json_object last_insert_id lcase least left len length ln locate log lower lpad ltrim
  max md5 mid min nullif now nvl object_id oct ord password pg_typeof position pow power quarter quote
  radians rand random repeat replace reverse right round rpad rtrim row schema session_user sha sha1 sha2 sign
  sin soundex space sqlite_version sqrt std stddev str strcmp substr substring substring_index sum suser_name
  sysdate system_user tan timestampadd to_char to_number translate trim truncate typeof ucase unhex upper
  user user_name uuid variance version year xmlagg varchar nchar unistr jsonb_pretty date_format ifnull from_base64 to_base64 aes_encrypt aes_decrypt des_encrypt col_length stuff patindex charindex coercibility
`);
