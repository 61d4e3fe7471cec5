-- Marks a task followed by a node; answers its view, nil when there is none. ARGV: 3 task, 4 to 6 scope, 7 node

local t = visible_task()
if not t then return nil end
local by = mark(t.by, ARGV[7])
if by ~= t.by then rcall('HSET', P .. 'task:' .. t.id, 'by', by) end
return answer_views({ view(t) }, t.key)
