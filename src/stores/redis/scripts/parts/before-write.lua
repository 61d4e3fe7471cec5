-- Before a script that writes. ARGV[2] names the call: a client that lost the answer sends the same call again, and
-- `repeated` then holds what was remembered of the first one, so that nothing happens twice.

local known = rcall('MGET', KEYS[2] .. 'reader', KEYS[2] .. 'schema', P .. 'call:' .. ARGV[2])
if not known[1] or tonumber(known[1]) < OWN_MIN_READER then return redis.error_reply('UNPREPARED') end
if tonumber(known[1]) > OWN_RELEASE then return redis.error_reply('NEWERSCHEMA ' .. known[1]) end
if tonumber(known[2] or 0) < OWN_RELEASE then rcall('SET', KEYS[2] .. 'schema', 'OWN_RELEASE') end
local repeated = known[3]

local function remember(record)
  rcall('SET', P .. 'call:' .. ARGV[2], record, 'PX', 'REMEMBER_MS')
end
