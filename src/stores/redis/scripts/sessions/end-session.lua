-- Ends an open session and settles it. ARGV: 3 id, 4 fence, 5 reason, 6 used, then the names and values of
-- counters. 0 when it has ended already.

if repeated then return 1 end
local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'leaseUntil', 'keyId')
if f[1] ~= ARGV[4] or not f[2] then return 0 end
if ARGV[7] then rcall('HSET', session_key(ARGV[3]), unpack(ARGV, 7)) end
close_session(ARGV[3], f[3], f[1], ARGV[5])
settle_session(ARGV[3], tonumber(ARGV[6]))
remember('1')
return 1
