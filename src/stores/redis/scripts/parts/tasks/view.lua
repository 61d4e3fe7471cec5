-- A task as a tenant reads it: besides the task how many of its key's ready tasks of its rank come before it, and the key's
-- queue (of all providers together: the counts of the four ranks, the virtual times, which priorities idle); '' and nothing
-- for one that does not wait for its turn.

local function view(t)
  if t[T_finishedAt] or t[T_leaseUntil] or t[T_dueAt] then return { t, '', {} } end
  local type, key = t[T_type], t[T_keyId]
  local q = queue_of(load_key(key), type)
  local token = token_of(t[T_provider] or '')
  local rank = t[T_status] == 'running' and 0 or RANK[t[T_priority]]
  local index = rcall('ZRANK', P .. ready_list(type, rank, token, key), t[T_id])
  if not index then return { t, '', {} } end
  local counts = { 0, 0, 0, 0 }
  for other, n in pairs(q.at) do
    for i = 1, 4 do counts[i] = counts[i] + n[i] end
    if other ~= token and n[1 + rank] > 0 then
      index = index + rcall('ZCOUNT', P .. ready_list(type, rank, other, key), '-inf', '(' .. t[T_no])
    end
  end
  return { t, index, { counts[1], counts[2], counts[3], counts[4], q[2], q[3], q[4], q[5], q[6], q[7] } }
end

-- How many tasks each other key has ready that may be served now, of a bounded number of keys.
local function others(key, type)
  local counts, seen = {}, { [key] = true }
  for token in load_lane(type).providers:gmatch('%S+') do
    for _, id in ipairs(rcall('ZRANGE', turns_of(type, token), 0, MAX_COUNTED_KEYS)) do
      if not seen[id] then
        seen[id] = true
        local ready = 0
        for _, n in pairs(queue_of(load_key(id), type).at) do ready = ready + n[1] + n[2] + n[3] + n[4] end
        counts[#counts + 1] = ready
      end
    end
  end
  return counts
end

-- Views of one key's tasks, and what the other keys have ready in the lanes where one of them waits.
local function answer_views(views, key)
  local waits = {}
  for _, one in ipairs(views) do
    if one[2] ~= '' then waits[one[1][T_type]] = true end
  end
  return { now_text, views, waits.image and others(key, 'image') or {}, waits.video and others(key, 'video') or {} }
end
