-- Removes a finished task. ARGV: 3 task, 4 to 6 scope

if repeated then return repeated end
local t = visible_task()
if not t then return 'not_found' end
if t.finished == '-' or t.settled ~= '1' then return 'not_finished' end
remove_task(t)
remember('purged')
return 'purged'
