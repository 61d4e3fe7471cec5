-- Takes what a holder knew that the task's end overtook. Whoever works on the item without knowing it is overtaken in turn.
-- ARGV: 3 task, 4 fence, 5 state or '', 6 cost or ''

if repeated then return 1 end
local at = P .. 'cleanup:' .. ARGV[3]
local f = rcall('HMGET', at, 'holder', 'fence')
if f[1] ~= ARGV[4] then return 0 end
rcall('HSET', at, 'late', 1, 'fence', f[2] + 1, 'held', 0)
if ARGV[5] ~= '' then rcall('HSET', at, 'state', ARGV[5]) end
if ARGV[6] ~= '' then rcall('HSET', at, 'cost', ARGV[6]) end
rcall('ZADD', P .. 'cleanups', now, ARGV[3])
remember('1')
return 1
