-- Settles a session that was lost. ARGV: 3 id, 4 fence, 5 used, then the names and values of counters. 0 when it was settled, is open, or was handed to another.

if repeated then return 1 end
local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'endedAt', 'settled')
if f[1] ~= ARGV[4] or not f[2] or f[3] == '1' then return 0 end
if ARGV[6] then rcall('HSET', session_key(ARGV[3]), unpack(ARGV, 6)) end
settle_session(ARGV[3], tonumber(ARGV[5]))
remember('1')
return 1
