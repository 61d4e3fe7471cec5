-- Tasks that somebody must look at: past their deadline, whose lease ran out, or that wait under a key that was deleted or has
-- expired. What is missing is taken out; the caller sets aside what it cannot read (set-aside.lua). ARGV: 3 how many at most,
-- 4 the node that asks. Answers the moment, the tasks, how many were looked at, and of the tasks how many wait under such a key: the last ones.

hear_of(ARGV[4])
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
      if not t then note_unreadable(id) end
    end
  end
  if seen == limit then break end
end
local closed = 0
for _, key in ipairs(rcall('ZRANGEBYSCORE', P .. 'closing', '-inf', now_text, 'LIMIT', 0, limit)) do
  local waiting = 0
  for _, type in ipairs({ 'image', 'video' }) do
    local first, last = score_of('queued', type, 0), score_of('queued', type, MOMENTS - 1)
    local ids = rcall('ZRANGEBYSCORE', P .. 'ids:' .. scoped(key, ''), first, last, 'LIMIT', 0, limit - closed)
    for _, id in ipairs(ids) do
      local t = load_task(id)
      if t and t[T_keyId] == key then
        tasks[#tasks + 1], closed = t, closed + 1
      else
        rcall('ZREM', P .. 'ids:' .. scoped(key, ''), id)
        note_unreadable(id)
      end
    end
    waiting = waiting + #ids
  end
  if waiting == 0 then
    -- A key that exists may start nothing from here on either, until its end is put off.
    rcall('ZREM', P .. 'closing', key)
  end
  if closed >= limit then break end
end
return { now_text, tasks, seen, closed }
