-- Keeps the provider's id of an open session's call. ARGV: 3 id, 4 fence, 5 the call's id. 0 when it has ended. Sent again it does
-- the same.

local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'leaseUntil')
if f[1] ~= ARGV[4] or not f[2] then return 0 end
rcall('HSET', session_key(ARGV[3]), 'callId', ARGV[5])
return 1
