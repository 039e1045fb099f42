/**
 * What Redis does in one step and has no command for. Each script works on one key, so that it
 * runs in a Cluster as it does on a single server; a tag's version and a message's number are
 * microseconds of the server's clock when they begin, so that what was forgotten (evicted, flushed,
 * lost in a failover) is never given out again.
 */
import { createHash } from 'node:crypto';

/** A script and the digest that it is called by. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

function script(source: string): Script {
  return Object.freeze({ source, sha1: createHash('sha1').update(source).digest('hex') });
}

/** Replaces a value that is as expected: ARGV expected, next, milliseconds to live. */
export const COMPARE_AND_SET: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

/** Deletes a value that is as expected: ARGV expected. */
export const COMPARE_AND_DELETE: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1`);

/** Adds to a counter, whose window begins with its first addition: ARGV amount, window in ms. */
export const ADD: Script = script(`
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return { value, left }`);

/**
 * Adds to a slice of a counter that slides, and answers what its window holds: counts with commas
 * between, the latest slice first, down to the last that is not empty. One text is read far sooner
 * than as many numbers. ARGV amount, number of the slice, slices before it, milliseconds to live.
 */
export const SLIDE: Script = script(`
local number, before = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] ~= '0' then
  redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
local held, last = {}, 1
local counts = redis.call('HGETALL', KEYS[1])
for at = 1, #counts, 2 do
  local age = math.max(0, number - tonumber(counts[at]))
  if age > before then
    redis.call('HDEL', KEYS[1], counts[at])
  else
    held[age + 1] = (held[age + 1] or 0) + tonumber(counts[at + 1])
    last = math.max(last, age + 1)
  end
end
for at = 1, last do held[at] = string.format('%.0f', held[at] or 0) end
return table.concat(held, ',')`);

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]`;

/** Versions of tags; one that is not there begins: KEYS the tags, ARGV milliseconds to live. */
export const VERSIONS: Script = script(`${NOW}
local versions = {}
for at, key in ipairs(KEYS) do
  local version = tonumber(redis.call('GET', key))
  if not version then
    version = now
    redis.call('SET', key, string.format('%.0f', version), 'PX', ARGV[1])
  end
  versions[at] = version
end
return versions`);

/** Moves tags on: KEYS the tags, ARGV milliseconds to live. */
export const BUMP: Script = script(`${NOW}
local versions = {}
for at, key in ipairs(KEYS) do
  local version = math.max(now, (tonumber(redis.call('GET', key)) or 0) + 1)
  redis.call('SET', key, string.format('%.0f', version), 'PX', ARGV[1])
  versions[at] = version
end
return versions`);

/**
 * The number of a message is one more than the last one's. It jumps where another server goes on
 * counting, or the same one after a restart: what it does not remember may have been sent.
 * In a Cluster the server is asked who it is, by the name of this life: that of the node outlives a
 * restart. A single one's client knows (`server`).
 */
const NEXT = `
local function next_after(last, by, server)
  if not last then return now end
  if by ~= server then return math.max(now, last + 2) end
  return last + 1
end
local function this_server(given)
  if given ~= '' then return given end
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
end`;

/** Numbers a message and publishes it: ARGV channel, data, milliseconds to live, server. */
export const PUBLISH: Script = script(`${NOW}${NEXT}
local server = this_server(ARGV[4])
local last, by = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (.*)$')
local number = string.format('%.0f', next_after(tonumber(last), by, server))
redis.call('SET', KEYS[1], number .. ' ' .. server, 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[1], number .. ' ' .. ARGV[2])
return number`);

/** Numbers a message and appends it: ARGV data, most messages, milliseconds to live, server. */
export const APPEND: Script = script(`${NOW}${NEXT}
local server = this_server(ARGV[4])
local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = entry and tonumber(string.match(entry[1], '^%d+'))
local number = string.format('%.0f', next_after(last, entry and entry[2][2], server))
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], number .. '-0', 'by', server, 'data', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return number`);
