-- Writes an ephemeral key; its times and its JSON, none of them when its parent has as many as it may. The same hash again
-- changes nothing. ARGV: 3 hash, 4 parent, 5 for how long it is valid, 6 for how long it is known after that, 7 most of the
-- parent or '', 8 its JSON.

local at, of_parent = P .. 'ephemeral:' .. ARGV[3], P .. 'ephemerals:' .. ARGV[4]
if rcall('EXISTS', at) == 1 then return rcall('HMGET', at, 'created', 'expires', 'details') end
local counted = ARGV[7] ~= ''
if counted then rcall('ZREMRANGEBYSCORE', of_parent, '-inf', now_text) end
if counted and rcall('ZCARD', of_parent) >= tonumber(ARGV[7]) then return {} end
local expires = exact(now + tonumber(ARGV[5]))
local kept = exact(tonumber(ARGV[5]) + tonumber(ARGV[6]))
rcall('HSET', at, 'created', now_text, 'expires', expires, 'details', ARGV[8])
rcall('PEXPIRE', at, kept)
if not counted then return { now_text, expires, ARGV[8] } end
rcall('ZADD', of_parent, expires, ARGV[3])
if rcall('PTTL', of_parent) < tonumber(kept) then rcall('PEXPIRE', of_parent, kept) end
return { now_text, expires, ARGV[8] }
