-- Epoch and position of tasks' logs, nil where there is none. ARGV: from 3 tasks

local found = {}
for i = 3, #ARGV do
  local f = redis.pcall('HMGET', P .. 'task:' .. ARGV[i], 'epoch', 'seq')
  found[i - 2] = f[1] and f or false
end
return found
