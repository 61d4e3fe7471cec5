-- Takes tasks that cannot be read, or whose key cannot, out of every list they stand in, as far as the plain fields of the record
-- say where, so that the tasks beside them go on; counts each. Record, events, batch and money stay as they are until the
-- retention removes them (retire.lua).
-- ARGV: from 3 of each task its id, and revision and lease as they were read ('' for none): one that changed since is left alone,
-- and so is one that comes again. Answers how many were taken out.

local seen, taken = {}, 0
local function set_aside(id, rev, lease)
  local t = not seen[id] and load_task(id)
  seen[id] = true
  if not t or (t[T_rev] or '') ~= rev or (t[T_leaseUntil] or '') ~= lease then return end
  if rcall('ZSCORE', P .. 'unreadable-tasks', id) then return end
  taken = taken + 1
  count_unreadable()
  zadd('unreadable-tasks', now_text, id)
  write('HSET', P .. 'task:' .. id, 'rev', ARGV[2])
  write('HDEL', P .. 'task:' .. id, 'leaseUntil', 'dueAt')
  for _, lane in ipairs({ 'image', 'video' }) do
    zrem('wake:' .. lane, id)
    zrem('delayed:' .. lane, id)
  end

  local type, status, held = t[T_type], t[T_status], t[T_leaseUntil]
  local open = not t[T_finishedAt] and TYPE[type]
  if open and held then
    local lane = load_lane(type)
    lane.held, lane.changed = max(0, lane.held - 1), true
  end
  -- The key's set of its tasks says whether the task counts there: the name of the key may be damaged too.
  if not rcall('ZSCORE', P .. 'ids:' .. scoped(t[T_keyId], ''), id) then return end
  zrem('ids:' .. scoped(t[T_keyId], ''), id)
  if t[T_subject] ~= '' then zrem('ids:' .. scoped(t[T_keyId], t[T_subject]), id) end
  local k = load_key(t[T_keyId])
  if not open or k.broken then return end
  local s = load_subject(t[T_keyId], t[T_subject])
  local q = queue_of(k, type)
  local started = status == 'running' and -1 or 0
  touch(k, type, started)
  k.running, k.changed = max(0, k.running + started), true
  if status == 'queued' then count_waiting(k, s, -1) end
  local rank = status == 'running' and 0 or RANK[t[T_priority]]
  if held or t[T_dueAt] or not rank then return end
  local token = token_of(t[T_provider] or '')
  local list, n = ready_list(type, rank, token, k.id), counts_of(q, token)
  if rcall('ZSCORE', P .. list, id) then
    zrem(list, id)
    n[1 + rank] = max(0, n[1 + rank] - 1)
  end
end

for i = 3, #ARGV, 3 do set_aside(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
flush()
return taken
