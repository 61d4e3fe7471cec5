-- Takes a node's mark off a task. ARGV: 3 task, 4 to 6 scope, 7 node

if repeated then return 1 end
local t = visible_task()
if t and marks(t.by, ARGV[7]) then
  rcall('HSET', P .. 'task:' .. t.id, 'by', unmark(t.by, ARGV[7]))
  remember('1')
end
return 1
