"""What the server does for one pulse of one process, at once and for nobody else between.

Per rate it keeps, for every process, what that used in the last minute, its ceiling, and what it
lately wanted; the ceilings of those who are heard of, and the use of those who are not, never
exceed the limit together. Per budget it keeps a sum and what each process said last, so that a
word said twice counts once. Words between processes lie in a stream; the version of changes by API
comes with every pulse.
"""

from __future__ import annotations

QUIET_MS = 2_000  # a process not heard of for so long has no ceiling any more, only its use,
WINDOW_MS = 61_000  # which is over after a minute
SPENT_S = 40 * 86_400  # a budget's sum is kept longer than any month
WORDS = 1_000  # of the stream
HEARD = 200  # of them in one pulse

# KEYS: nodes, wanted, news, changes, then a key for each rate and for each budget
# ARGV: node, word to tell or "", last word heard or "", last pulse (ms), number of rates, then
#       used want missed limit active most for each rate, own known for each budget
PULSE = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local node, word, heard, last = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local rates = tonumber(ARGV[5])
redis.call('ZADD', KEYS[1], now, node)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {QUIET_MS})
local nodes = redis.call('ZCARD', KEYS[1])
local at = 5
local told = {{}}
for i = 1, rates do
  local key = KEYS[4 + i]
  local used, want, missed = tonumber(ARGV[at+1]), tonumber(ARGV[at+2]), tonumber(ARGV[at+3])
  local limit, active, most = tonumber(ARGV[at+4]), ARGV[at+5] == '1', tonumber(ARGV[at+6])
  at = at + 6
  local rows = redis.call('HGETALL', key)
  local held, others, wants, short = 0, 0, 0, false
  for j = 1, #rows, 2 do
    if rows[j] ~= node then
      local u, c, w, m, t = string.match(rows[j+1], '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
      local age = now - t
      u = tonumber(u)
      if age > {WINDOW_MS} then
        redis.call('HDEL', key, rows[j])
      else
        others = others + u
        if age > {QUIET_MS} then
          held = held + u
        else
          held = held + math.max(u, tonumber(c))
          if age < 1000 then
            wants = wants + tonumber(w)
            short = short or tonumber(m) > 0
          end
        end
      end
    end
  end
  local free, left = limit - held - used, limit - others - used
  local room = 0
  if free > 0 then
    local least = left / (4 * nodes)
    if short then
      room = want > 0 and math.ceil(left * want / (want + wants)) or 0
    elseif not active then
      room = wants > 0 and least or left / nodes
    elseif wants > 0 then
      local asked = math.max(want, 1)
      room = math.max(asked, least, left * asked / (asked + wants))
    else
      room = math.max(want, left - least * (nodes - 1))
    end
    room = math.max(0, math.min(free, math.floor(room), most - used))
  end
  local row = string.format('%d %d %d %d %d', used, used + room, want, missed, now)
  redis.call('HSET', key, node, row)
  redis.call('PEXPIRE', key, {WINDOW_MS})
  if missed > 0 then redis.call('ZADD', KEYS[2], now, key) end
  told[i] = {{used + room, others}}
end
local spent = {{}}
for i = 5 + rates, #KEYS do
  local key, own, known = KEYS[i], ARGV[at+1], tonumber(ARGV[at+2])
  at = at + 2
  local before = tonumber(redis.call('HGET', key, node) or '0')
  local sum = redis.call('HINCRBY', key, 'sum', string.format('%.0f', own - before))
  if known > sum then
    redis.call('HSET', key, 'sum', ARGV[at])
    sum = known
  end
  redis.call('HSET', key, node, own)
  redis.call('EXPIRE', key, {SPENT_S})
  spent[#spent+1] = string.format('%.0f', sum)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - {QUIET_MS})
local wanted = redis.call('ZRANGEBYSCORE', KEYS[2], last, '+inf')
if word ~= '' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', {WORDS}, '*', 'n', node, 'w', word)
end
local news = {{}}
if heard == '' then
  heard = string.format('%d-0', now)
else
  for _, entry in ipairs(redis.call('XRANGE', KEYS[3], '(' .. heard, '+', 'COUNT', {HEARD})) do
    heard = entry[1]
    if entry[2][2] ~= node then news[#news+1] = entry[2][4] end
  end
end
local version = redis.call('HGET', KEYS[4], 'version') or '0'
return {{now, nodes, told, spent, wanted, heard, news, version}}
"""
