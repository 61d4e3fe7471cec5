-- When a lane's next work is due: 0 = now, '' = nothing waits. ARGV: 3 lane

if rcall('EXISTS', P .. 'turns:' .. ARGV[3]) == 1 then return '0' end
return rcall('ZRANGE', P .. 'delayed:' .. ARGV[3], 0, 0, 'WITHSCORES')[2] or ''
