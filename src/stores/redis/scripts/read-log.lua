-- A task and its lifecycle events after a position. ARGV: 3 task, 4 to 6 scope, 7 position, 8 how many at most

local t = visible_task()
if not t then return nil end
local events, after, limit = {}, tonumber(ARGV[7]), tonumber(ARGV[8])
for index = 0, t.events - 1 do
  if #events == limit then break end
  local line = rcall('HGET', P .. 'task:' .. t.id, 'e' .. index)
  if line and tonumber(match(line, '^%S+')) > after then events[#events + 1] = line end
end
return { tell(t), events }
