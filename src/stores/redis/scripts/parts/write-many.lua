-- Before a script that makes several calls of one kind at once: what they share is loaded once and written once. ARGV[2] is
-- how many there are; each has its length in front of it, and its name first. `calls` holds them as the script of one call
-- gets its arguments; which of them was made before stands in `known`.

local calls, names, at = {}, { P .. 'schema' }, 3
for i = 1, tonumber(ARGV[2]) do
  local length = tonumber(ARGV[at])
  calls[i] = { ARGV[1], unpack(ARGV, at + 1, at + length) }
  names[i + 1] = P .. 'call:' .. calls[i][2]
  at = at + length + 1
end
local known = rcall('MGET', unpack(names))
if not known[1] then
  rcall('SET', P .. 'schema', SCHEMA_VERSION)
elseif tonumber(known[1]) > SCHEMA_VERSION then
  return redis.error_reply('NEWERSCHEMA ' .. known[1])
end

-- Those of the call at hand; until the first one, whether any was made before.
local ARGV, repeated = ARGV, false
for i = 1, #calls do repeated = repeated or known[i + 1] end

local function remember(record)
  rcall('SET', P .. 'call:' .. ARGV[2], record, 'PX', 'REMEMBER_MS')
end
