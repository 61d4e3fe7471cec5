-- Removes a finished task. ARGV: 3 task, 4 to 6 scope

if repeated then return repeated end
local t = load_task(ARGV[3])
if not t or not visible(t, ARGV[4], ARGV[5], ARGV[6]) then return 'not_found' end
if not t[T_finishedAt] or t[T_settled] ~= '1' or tonumber(t[T_openCleanups] or 0) > 0 then return 'not_finished' end
remove_task(t)
remember('purged')
return 'purged'
