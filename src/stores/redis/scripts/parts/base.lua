-- What every script begins with. KEYS[1] is the prefix of the shard's keys, KEYS[2] that of the whole store; ARGV[1] is the
-- moment in ms ('' = the server's clock). Times are ms, money is micro-dollars.

local rcall, P = redis.call, KEYS[1]
local match, concat, max, min, tonumber, unpack = string.match, table.concat, math.max, math.min, tonumber, unpack

-- The moment as a number, and as the text that is stored: turning numbers into text costs more than most commands.
local now, now_text = tonumber(ARGV[1]), ARGV[1]
if not now then
  local time = rcall('TIME')
  now_text = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
  now = tonumber(now_text)
end

-- What scripts that write have added to numbers in hashes and not written yet (parts/writes.lua).
local sums = {}

-- A number as text, exactly; Lua's own form keeps 14 digits and takes three times as long, and what `redis.call` makes of
-- a number longer yet. So what is called often gets texts.
local format = string.format
local function exact(number)
  return number % 1 == 0 and format('%d', number) or format('%.17g', number)
end

-- The text of a moment so many ms from now: many tasks of a script ask for the same ones.
local moments = {}
local function moment_in(ms)
  local moment = moments[ms]
  if not moment then
    moment = exact(now + ms)
    moments[ms] = moment
  end
  return moment
end

-- A tenant's part of a key's name; the length in front keeps one tenant's names from being another's.
local function scoped(key, subject)
  return exact(#key) .. ':' .. key .. ':' .. subject
end

-- Something stored is missing or cannot be read: what it harms is passed over, the rest goes on.
local function count_unreadable()
  redis.pcall('INCR', P .. 'unreadable')
end

-- A task that cannot be read, from when on: it is kept as long as others are after their end.
local function note_unreadable(id)
  count_unreadable()
  if rcall('EXISTS', P .. 'task:' .. id) == 1 then rcall('ZADD', P .. 'unreadable-tasks', 'NX', now_text, id) end
end
