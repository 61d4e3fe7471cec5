-- What is held and was charged in a window. ARGV: 3 key, 4 customer or '', 5 window

return rcall('HMGET', P .. 'balance:' .. scoped(ARGV[3], ARGV[4]), 'reserved:' .. ARGV[5], 'charged:' .. ARGV[5])
