-- What is held and was charged in a window. ARGV: 3 key, 4 window, 5 customer, or '' for the whole key

local which = ARGV[5] == '' and ARGV[4] or ARGV[4] .. ':' .. ARGV[5]
local f = redis.pcall('HMGET', P .. 'balance:' .. ARGV[3], 'reserved:' .. which, 'charged:' .. which)
-- The next change of a damaged one makes it anew.
return { tonumber(f[1] or '') and f[1] or '0', tonumber(f[2] or '') and f[2] or '0' }
