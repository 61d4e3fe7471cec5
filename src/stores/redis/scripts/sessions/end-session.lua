-- Ends an open session and settles it. ARGV: 3 id, 4 fence, 5 reason, 6 used, 7 '' or for how many ms it waits to be settled by
-- somebody who knows what it used, then the names and values of counters. 0 when it has ended already.

if repeated then return 1 end
local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'leaseUntil', 'keyId')
if f[1] ~= ARGV[4] or not f[2] then return 0 end
if ARGV[8] then rcall('HSET', session_key(ARGV[3]), unpack(ARGV, 8)) end
close_session(ARGV[3], f[3], f[1], ARGV[5])
if ARGV[7] == '' then
  settle_session(ARGV[3], tonumber(ARGV[6]))
else
  if TOLD_SESSION_ENDS > 0 then make_writes() end
  rcall('ZADD', P .. 'sessions-lost', exact(now + ARGV[7]), ARGV[3])
end
remember('1')
return 1
