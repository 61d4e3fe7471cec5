-- The fence of a task, and payload and fence of an item about it; nil where there is none. ARGV: 3 kind, 4 id, 5 task

local f = rcall('HMGET', work_key(ARGV[3], ARGV[4]), 'payload', 'fence')
local t = load_task(ARGV[5])
return { t and t[T_fence] or false, f[1], f[2] }
