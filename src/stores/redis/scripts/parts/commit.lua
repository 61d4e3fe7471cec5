-- One transition as one write: the task, its list, its event in three logs, its money and what it leaves behind.

-- What goes into and out of the sets of tasks that somebody must look at, by type.
local wake, asleep = {}, {}

-- Its score in the sets that lists are read from: status and type, then the time in its id.
local function list_score(t)
  return exact((STATUS[t.status] * 2 + TYPE[t.type]) * 281474976710656 + t.made)
end

-- The task left one list and came to another; `popped` when its claim took it off the first already.
local function relocate(k, t, popped)
  local from, type = t.was_place, t.type
  local to = t.rank ~= '-' and t.rank or t.lease ~= '-' and 'held' or t.due ~= '-' and 'delayed' or nil
  local started = (t.status == 'running' and 1 or 0) - (t.was_status == 'running' and 1 or 0)
  if from == to and started == 0 then return end
  local q = queue_of(k, type)
  if started ~= 0 then
    -- The limit counts in every lane.
    if k.cap then
      queue_of(k, 'image')
      queue_of(k, 'video')
    end
    k.running = k.running + started
  end
  if from ~= to then
    if from == 'held' or to == 'held' then
      local lane = load_lane(type)
      lane.held, lane.changed = lane.held + (to == 'held' and 1 or -1), true
    end
    if from == 'delayed' then
      rcall('ZREM', P .. 'delayed:' .. type, t.id)
    elseif from and from ~= 'held' and not popped then
      rcall('ZREM', ready_list(k, type, from), t.id)
      q[2 + from] = q[2 + from] - 1
    end
    if to == 'delayed' then
      rcall('ZADD', P .. 'delayed:' .. type, t.due, t.id)
    elseif to and to ~= 'held' then
      make_ready(k, t)
    end
  end
  if k.cap and started ~= 0 then
    show(k, 'image')
    show(k, 'video')
  else
    show(k, type)
  end
end

-- Writes the event into the task, and appends it to the logs of its key and its subject; progress is a last value and stands
-- in no log. Answers its line, '' without an event. `t.ref` says how to find it again. The task is saved after it.
local function record(t, event, k, s)
  if not event then return '' end
  if event == 'progress' then
    t.ref = 'p' .. t.seq
    return t.seq .. ' progress ' .. t.progress .. ' ' .. now_text .. ' - - ' .. t.message
  end
  k.seq, k.changed = k.seq + 1, true
  if s then s.seq, s.changed = s.seq + 1, true end
  local line = t.seq .. ' ' .. event .. ' ' .. t.progress .. ' ' .. now_text .. ' ' .. exact(k.seq) .. ' '
    .. (s and exact(s.seq) or '-') .. ' ' .. t.message
  t.ref = 'e' .. t.events
  put(t, t.ref, line)
  t.events = exact(t.events + 1)
  local entry = t.id .. ' ' .. t.ref
  k.log[#k.log + 1] = entry
  if s then s.log[#s.log + 1] = entry end
  return line
end

-- What a transition adds to a tenant's counters.
local function count(n, waiting, reserved, spent)
  n.waiting, n.changed = n.waiting + waiting, true
  if tonumber(reserved) ~= 0 or tonumber(spent) ~= 0 then
    n.reserved, n.spent, n.paid = n.reserved + reserved, n.spent + spent, true
  end
end

-- Gives the reservation back and charges what was used of it. A settled task can be removed in time.
local function settle(t, k, s)
  count(k, 0, -t.reserved, t.cost)
  if s then count(s, 0, -t.reserved, t.cost) end
  rcall('ZADD', P .. 'ended', t.finished, t.id)
  if tonumber(t.cost) == 0 then return end
  local model = rcall('HGET', P .. 'task:' .. t.id, 'model')
  local charge = concat({ now_text, t.id, t.type, t.cost, exact(#t.subject), t.subject, model }, ' ')
  if rcall('RPUSH', P .. 'ledger:' .. t.key, charge) == 1 then rcall('ZADD', P .. 'ledgers', now_text, t.key) end
end

-- Writes the task as a transition left it and answers its update. `popped`: a claim took it off its ready list already.
local function commit(t, event, popped)
  local k, s = load_key(t.key), load_subject(t.key, t.subject)
  if event then t.seq = exact(t.seq + 1) end
  local line = record(t, event, k, s)
  save_task(t)
  relocate(k, t, popped)
  if t.status ~= t.was_status then
    local waiting = (t.status == 'queued' and 1 or 0) - (t.was_status == 'queued' and 1 or 0)
    if waiting ~= 0 then
      count(k, waiting, 0, 0)
      if s then count(s, waiting, 0, 0) end
    end
    local score = list_score(t)
    k.ids[#k.ids + 1], k.ids[#k.ids + 2] = score, t.id
    if s then s.ids[#s.ids + 1], s.ids[#s.ids + 2] = score, t.id end
  end
  if t.finished ~= '-' then
    local ids = asleep[t.type] or {}
    ids[#ids + 1], asleep[t.type] = t.id, ids
    if t.settled == '1' and t.was_settled ~= '1' then settle(t, k, s) end
    if t.webhook == '1' then rcall('ZADD', P .. 'deliveries', now_text, t.id .. ' ' .. t.seq) end
  else
    local at = t.lease ~= '-' and tonumber(t.lease) < tonumber(t.deadline) and t.lease or t.deadline
    if at ~= t.was_wake then
      local scores = wake[t.type] or {}
      scores[#scores + 1], scores[#scores + 2], wake[t.type] = at, t.id, scores
    end
  end
  return answer(t, line, k, s)
end

-- Once, at the end of every script that commits.
local function flush()
  for type, ids in pairs(asleep) do
    rcall('ZREM', P .. 'wake:' .. type, unpack(ids))
  end
  for type, scores in pairs(wake) do
    rcall('ZADD', P .. 'wake:' .. type, unpack(scores))
  end
  for _, n in ipairs(tenants) do
    if n.changed then
      local set = { 'seq', exact(n.seq), 'waiting', exact(n.waiting) }
      if n.paid then set[5], set[6], set[7], set[8] = 'reserved', exact(n.reserved), 'spent', exact(n.spent) end
      if n.queues then
        set[#set + 1], set[#set + 2] = 'running', exact(n.running)
        for type, q in pairs(n.queues) do
          set[#set + 1], set[#set + 2] = type, format(QUEUE_LINE, unpack(q))
        end
      end
      rcall('HSET', n.at, unpack(set))
    end
    if n.log[1] then
      local length = rcall('RPUSH', P .. 'log:' .. n.name, unpack(n.log))
      -- Not at every event: a list that is cut by many at once costs less.
      if length > TENANT_LOG_EVENTS * 1.1 then
        rcall('LTRIM', P .. 'log:' .. n.name, -TENANT_LOG_EVENTS, -1)
      end
    end
    if n.ids[1] then rcall('ZADD', P .. 'ids:' .. n.name, unpack(n.ids)) end
  end
  for type, lane in pairs(lanes) do
    if lane.changed then rcall('HSET', P .. 'lane:' .. type, 'v', exact(lane.v), 'held', exact(lane.held)) end
  end
end
