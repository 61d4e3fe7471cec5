-- Prolongs the lease of an open session and keeps its counters. ARGV: 3 id, 4 fence, 5 lease in ms, then the names and
-- values of counters. 0 when it has ended. Sent again it does the same.

local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'leaseUntil', 'keyId')
if f[1] ~= ARGV[4] or not f[2] then return 0 end
local lease_until = exact(now + ARGV[5])
rcall('HSET', session_key(ARGV[3]), 'leaseUntil', lease_until, unpack(ARGV, 6))
rcall('ZADD', P .. 'sessions-open', lease_until, ARGV[3])
rcall('ZADD', P .. 'sessions-open:' .. f[3], lease_until, ARGV[3])
return 1
