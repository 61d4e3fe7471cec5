-- An open session goes on with another provider. ARGV: 3 id, 4 fence, 5 provider, 6 its account or '', 7 price or ''. 0 when it has
-- ended. Sent again it does the same.

local f = rcall('HMGET', session_key(ARGV[3]), 'fence', 'leaseUntil', 'movement')
if f[1] ~= ARGV[4] or not f[2] then return 0 end
-- A movement stands without the brace at its end.
local movement = cjson.decode(f[3] .. '}')
movement.provider = ARGV[5]
rcall('HSET', session_key(ARGV[3]), 'provider', ARGV[5], 'movement', cjson.encode(movement):sub(1, -2))
rcall('HDEL', session_key(ARGV[3]), 'account', 'price')
if ARGV[6] ~= '' then rcall('HSET', session_key(ARGV[3]), 'account', ARGV[6]) end
if ARGV[7] ~= '' then rcall('HSET', session_key(ARGV[3]), 'price', ARGV[7]) end
return 1
