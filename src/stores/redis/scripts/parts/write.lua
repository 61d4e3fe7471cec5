-- Before a script that writes. ARGV[2] names the call: a client that lost the answer sends the same call again, and
-- `repeated` then holds what was remembered of the first one, so that nothing happens twice.

local known = rcall('MGET', P .. 'schema', P .. 'call:' .. ARGV[2])
if not known[1] then
  rcall('SET', P .. 'schema', SCHEMA_VERSION)
elseif tonumber(known[1]) > SCHEMA_VERSION then
  return redis.error_reply('NEWERSCHEMA ' .. known[1])
end
local repeated = known[2]

local function remember(record)
  rcall('SET', P .. 'call:' .. ARGV[2], record, 'PX', 'REMEMBER_MS')
end
