-- Takes a node from a task's followers. ARGV: 3 task, 4 to 6 scope, 7 node

if repeated then return 1 end
local t = load_task(ARGV[3])
if t and visible(t, ARGV[4], ARGV[5], ARGV[6]) and follows(t[T_by] or '', ARGV[7]) then
  rcall('HSET', P .. 'task:' .. t[T_id], 'by', without_follower(t[T_by], ARGV[7]))
  remember('1')
end
return 1
