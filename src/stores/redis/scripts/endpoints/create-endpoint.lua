-- Writes a webhook endpoint; 0 when its key has as many as it may. The same id again changes nothing.
-- ARGV: 3 key, 4 id, 5 most of a key, then names and JSON texts of its fields.

local at, of_key = P .. 'endpoint:' .. scoped(ARGV[3], ARGV[4]), P .. 'endpoints:' .. ARGV[3]
if rcall('EXISTS', at) == 1 then return 1 end
if rcall('ZCARD', of_key) >= tonumber(ARGV[5]) then return 0 end
local newest = rcall('ZRANGE', of_key, -1, -1, 'WITHSCORES')[2] or 0
rcall('HSET', at, unpack(ARGV, 6))
rcall('ZADD', of_key, newest + 1, ARGV[4])
-- Says to whoever loads the key that there are endpoints to look at.
rcall('HSET', P .. 'key:' .. ARGV[3], 'hooks', '1')
return 1
