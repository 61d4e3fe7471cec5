-- The work has failed for good. ARGV: 11 error, 12 abandons an upstream job (0/1)

local t = holder()
if not t then return step(nil) end
local abandons = ARGV[12] == '1'
add_work(t)
t.settled = abandons and '0' or '1'
put(t, 'error', ARGV[11])
finish(t, 'failed')
local answered = step(t, 'failed')
if abandons and answered[1] == 1 then add_cleanup(t, t.fence) end
return answered
