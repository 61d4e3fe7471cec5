-- Changes an item's payload from outside and makes it due at once; whoever works on it without knowing that is overtaken.
-- Answers 0 when the item is not as it was. ARGV: 3 kind, 4 id, 5 fence, 6 payload

if repeated then return 1 end
local kind, id, at = ARGV[3], ARGV[4], work_key(ARGV[3], ARGV[4])
local f = rcall('HMGET', at, 'fence', 'destination', 'giveUpAt')
if f[1] ~= ARGV[5] then return 0 end
rcall('HSET', at, 'payload', ARGV[6], 'fence', exact(f[1] + 1))
rcall('ZREM', held_set(kind, f[2]), id)
rcall('ZADD', due_set(kind, f[2]), now_text, id)
rcall('ZADD', P .. 'ends:' .. kind, f[3], id)
rescore(kind, f[2])
remember('1')
return 1
