-- The work is done. ARGV: 11 result, 12 cost

if not t then return step() end
t.progress, t.settled = '100', '1'
t.cost = exact(min(ARGV[12], t.reserved))
put(t, 'result', ARGV[11])
finish(t, 'completed')
return step('completed')
