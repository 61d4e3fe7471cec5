-- Marks a task followed by a node; answers its view, nil when there is none. ARGV: 3 task, 4 to 6 scope, 7 node

local t = load_task(ARGV[3])
if not t or not visible(t, ARGV[4], ARGV[5], ARGV[6]) then return nil end
local by = with_follower(t[T_by] or '', ARGV[7])
if by ~= t[T_by] then rcall('HSET', P .. 'task:' .. t[T_id], 'by', by) end
return answer_views({ view(t) }, t[T_keyId])
