-- The work has failed for good. ARGV: 11 error, 12 abandons an upstream job (0/1)

if not t then return step() end
t.settled = ARGV[12] == '1' and '0' or '1'
put(t, 'error', ARGV[11])
finish(t, 'failed')
local answered = step('failed')
if t.settled == '0' and answered[1] == 1 then add_cleanup(t, t.fence) end
return answered
