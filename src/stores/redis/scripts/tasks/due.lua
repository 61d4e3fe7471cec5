-- Tasks that somebody must look at: past their deadline, or whose lease ran out. What is missing or cannot be read is taken
-- out. ARGV: 3 how many at most. Answers the moment, the tasks, and how many were looked at.

local limit = min(ARGV[3], MAX_STEP_TASKS)
local tasks, seen = {}, 0
for _, type in ipairs({ 'image', 'video' }) do
  local ids = rcall('ZRANGEBYSCORE', P .. 'wake:' .. type, '-inf', now_text, 'LIMIT', 0, limit - seen)
  seen = seen + #ids
  for _, id in ipairs(ids) do
    local t = load_task(id)
    if t and not t[T_finishedAt] then
      tasks[#tasks + 1] = t
    else
      rcall('ZREM', P .. 'wake:' .. type, id)
      if not t then count_unreadable() end
    end
  end
  if seen == limit then break end
end
return { now_text, tasks, seen }
