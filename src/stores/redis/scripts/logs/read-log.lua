-- A task and the texts of all its events, in any order. ARGV: 3 task, 4 to 6 scope

local t = load_task(ARGV[3])
if not t or not visible(t, ARGV[4], ARGV[5], ARGV[6]) then return nil end
local names, events = {}, {}
for _, field in ipairs(rcall('HKEYS', P .. 'task:' .. t[T_id])) do
  if match(field, '^e%d+$') then names[#names + 1] = field end
end
-- Lua passes no more than a few thousand values at once.
for from = 1, #names, 1000 do
  local texts = rcall('HMGET', P .. 'task:' .. t[T_id], unpack(names, from, min(#names, from + 999)))
  for _, text in ipairs(texts) do events[#events + 1] = text end
end
return { t, events }
