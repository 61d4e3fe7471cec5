-- The work is done. ARGV: 11 result, 12 cost

local t = holder()
if not t then return step(nil) end
add_work(t)
t.progress, t.settled = 100, '1'
t.cost = exact(min(tonumber(ARGV[12]), tonumber(t.reserved)))
put(t, 'result', ARGV[11])
finish(t, 'completed')
return step(t, 'completed')
