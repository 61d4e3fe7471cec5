-- The changing lines of tasks, nil where there is none: the logs' epochs and positions stand in them. ARGV: from 3 tasks

local lines = {}
for i = 3, #ARGV do lines[i - 2] = rcall('HGET', P .. 'task:' .. ARGV[i], 'now') end
return lines
