-- One transition as one write: the task, its list, its event in three logs, its money and what it leaves behind.

local wake, asleep = {}, {}

-- Appends the event to the logs of the task, its key and its subject; progress is a last value and stands in no log.
-- Answers its line, '' without an event. `t.ref` says how to find it again.
local function record(t, event, k, s)
  t.ref = '-'
  if not event then return '' end
  if event == 'progress' then
    t.ref = 'p' .. t.seq
    return concat({ t.seq, event, t.progress, t.updated, '-', '-', t.message }, ' ')
  end
  k.seq, k.changed = k.seq + 1, true
  if s then s.seq, s.changed = s.seq + 1, true end
  local line = concat({ t.seq, event, t.progress, t.updated, k.seq, s and s.seq or '-', t.message }, ' ')
  t.ref = rcall('RPUSH', P .. 'events:' .. t.id, line) - 1
  local entry = t.id .. ' ' .. t.ref
  k.log[#k.log + 1] = entry
  if s then s.log[#s.log + 1] = entry end
  return line
end

-- Gives the reservation back and charges what was used of it. A settled task can be removed in time.
local function settle(t, k, s)
  local reserved, cost = tonumber(t.reserved), tonumber(t.cost)
  count(k, 0, -reserved, cost)
  if s then count(s, 0, -reserved, cost) end
  rcall('ZADD', P .. 'ended', t.finished, t.id)
  if cost == 0 then return end
  local model = rcall('HGET', P .. 'task:' .. t.id, 'model')
  local charge = concat({ now, t.id, t.type, t.cost, #t.subject, t.subject, model }, ' ')
  if rcall('RPUSH', P .. 'ledger:' .. t.key, charge) == 1 then rcall('ZADD', P .. 'ledgers', now, t.key) end
end

-- What looks after the job that the end of the task may have left upstream; `fence` is its last holder's.
local function add_cleanup(t, fence)
  rcall('HSET', P .. 'cleanup:' .. t.id, 'created', now, 'end', now + CLEANUP_LIMIT_MS, 'held', 0, 'tries', 0, 'fence', 0,
    'holder', fence, 'late', 0, 'cost', '', 'state', t.state)
  rcall('ZADD', P .. 'cleanups', now, t.id)
  rcall('ZADD', P .. 'cleanup-ends', now + CLEANUP_LIMIT_MS, t.id)
end

-- Writes the task as a transition left it and answers its update. `popped`: a claim took it off its ready list already.
local function commit(t, event, popped)
  local k, s = load_key(t.key), load_subject(t.key, t.subject)
  if event then t.seq = t.seq + 1 end
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
  local at = wake_at(t)
  if not at then
    asleep[#asleep + 1] = t.id
  elseif at ~= t.was_wake then
    wake[#wake + 1], wake[#wake + 2] = at, t.id
  end
  local line = record(t, event, k, s)
  if not at then
    if t.settled == '1' and t.was_settled ~= '1' then settle(t, k, s) end
    if t.webhook == '1' then rcall('ZADD', P .. 'deliveries', now, t.id .. ' ' .. t.seq) end
  end
  return answer(t, line, k, s)
end

-- Once, at the end of every script that commits.
local function flush()
  if #asleep > 0 then rcall('ZREM', P .. 'wake', unpack(asleep)) end
  if #wake > 0 then rcall('ZADD', P .. 'wake', unpack(wake)) end
  flush_tenants()
  flush_lanes()
end
