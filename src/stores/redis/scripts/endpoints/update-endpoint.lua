-- Changes a webhook endpoint; answers all its fields, none when there is no such one. Sent again it does the same.
-- ARGV: 3 key, 4 id, then names and JSON texts of what changes.

local at = P .. 'endpoint:' .. scoped(ARGV[3], ARGV[4])
if rcall('EXISTS', at) == 0 then return {} end
rcall('HSET', at, unpack(ARGV, 5))
return rcall('HGETALL', at)
