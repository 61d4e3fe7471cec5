-- What is held and was charged in a window. ARGV: 3 key, 4 window, 5 customer, or '' for the whole key

local which = ARGV[5] == '' and ARGV[4] or ARGV[4] .. ':' .. ARGV[5]
return rcall('HMGET', P .. 'balance:' .. ARGV[3], 'reserved:' .. which, 'charged:' .. which)
