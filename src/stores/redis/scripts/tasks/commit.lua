-- Applies what the reducer decided about tasks, and claims the next work in the same step. ARGV: 3 how many commits; of each
-- how many arguments follow and then
--   1 task, 2 the revision that was decided about, 3 the lease that must still run as it did, or '', 4 key, 5 subject, 6 type,
--   7 and 8 status before and after, 9 and 10 place before and after (ready, delayed, held, ended), 11 and 12 provider, 13 and 14
--   rank before and after, 15 number among the key's tasks, 16 ms until it is due or '', 17 when somebody must look at it ('' as
--   before, '-' never), 18 moment of its end if it may be removed in time ('+' = now, '' not), 19 type of the event or '', 20 the
--   event's JSON as far as it is known, 21 field of the event, 22 money released or '' for none, 23 charged, 24 customer, 25 JSON
--   of the movement or '', 26 kind of the due work that this finishes or '', 27 its id, 28 its fence, 29 lane to claim in or '',
--   30 lease in ms, 31 how many at most, 32 most held or '', 33 JSON list of providers or '', 34 fields to set, 35 moments to
--   set, 36 fields to remove, 37 due work to leave; then names and texts, names and ms from now, names, and of each item kind,
--   id, destination, payload, ms until it is given up.
-- Answers the moment, the call's name (which is the revision now), of each commit { 1, key's epoch and position,
-- subject's, who follows, the lease before }, { 0, the task or nil } when its revision is another one, { 2 } when the due work is
-- not held any more; and the claims of each.

local function call_at(from)
  return from + 1, from + 1 + tonumber(ARGV[from])
end

if repeated then
  local before = cjson.decode(repeated)
  local replies, claims, from = {}, {}, 4
  for i = 1, tonumber(ARGV[3]) do
    local a, next = call_at(from)
    local reply = before.replies[i]
    if reply[1] == 0 then reply = { 0, load_task(ARGV[a]) or false } end
    replies[i], claims[i], from = reply, recall_claims(before.claims[i]), next
  end
  return { before.now, ARGV[2], replies, claims }
end

-- A task is decided about once in a script; a second commit of it is told to look again.
local seen, wanted = {}, 0
local function commit(a)
  local id = ARGV[a]
  if seen[id] then return { 0, false } end
  seen[id] = true
  local at = 'task:' .. id
  local f = rcall('HMGET', P .. at, 'rev', 'by', 'windows', 'leaseUntil')
  if f[1] ~= ARGV[a + 1] or (ARGV[a + 2] ~= '' and f[4] ~= ARGV[a + 2]) then return { 0, load_task(id) or false } end
  if ARGV[a + 25] ~= '' and not held_work(ARGV[a + 25], ARGV[a + 26], ARGV[a + 27]) then return { 2 } end

  local type, before, after, from, to = ARGV[a + 5], ARGV[a + 6], ARGV[a + 7], ARGV[a + 8], ARGV[a + 9]
  local k, s = load_key(ARGV[a + 3]), load_subject(ARGV[a + 3], ARGV[a + 4])
  if k.broken then return redis.error_reply('ERR the key of a task cannot be read') end
  local started = (after == 'running' and 1 or 0) - (before == 'running' and 1 or 0)
  if from ~= to or started ~= 0 then
    local q = queue_of(k, type)
    touch(k, type, started)
    k.running, k.changed = k.running + started, true
    if from ~= to then
      if from == 'held' or to == 'held' then
        local lane = load_lane(type)
        lane.held, lane.changed = lane.held + (to == 'held' and 1 or -1), true
      end
      if from == 'delayed' then
        zrem('delayed:' .. type, id)
      elseif from == 'ready' then
        local token, rank = token_of(ARGV[a + 10]), tonumber(ARGV[a + 12])
        zrem(ready_list(type, rank, token, k.id), id)
        local n = counts_of(q, token)
        n[1 + rank] = n[1 + rank] - 1
      end
      if to == 'ready' then
        make_ready(k, type, token_of(ARGV[a + 11]), tonumber(ARGV[a + 13]), ARGV[a + 14], id)
      end
    end
  end
  if ARGV[a + 15] ~= '' then zadd('delayed:' .. type, exact(now + ARGV[a + 15]), id) end

  local plain, moments, gone, works = ARGV[a + 33] * 2, ARGV[a + 34] * 2, tonumber(ARGV[a + 35]), tonumber(ARGV[a + 36])
  local b, n = a + 36 + plain, 4 + plain
  local set = { 'HSET', P .. at, 'rev', ARGV[2], unpack(ARGV, a + 37, b) }
  for i = 1, moments, 2 do
    set[n + i], set[n + i + 1] = ARGV[b + i], ARGV[b + i + 1] == '0' and now_text or exact(now + ARGV[b + i + 1])
  end
  b, n = b + moments, n + moments
  local event = ARGV[a + 18]
  if event ~= '' and event ~= 'progress' then
    set[n + 1], set[n + 2] = ARGV[a + 20], log_event(id, ARGV[a + 20], ARGV[a + 19], k, s)
  end
  write_all(set)
  if gone > 0 then write('HDEL', P .. at, unpack(ARGV, b + 1, b + gone)) end
  b = b + gone
  for i = 1, works do
    add_work(ARGV[b + 1], ARGV[b + 2], ARGV[b + 3], id, ARGV[b + 4], tonumber(ARGV[b + 5]))
    b = b + 5
  end

  if before ~= after then
    local waiting = (after == 'queued' and 1 or 0) - (before == 'queued' and 1 or 0)
    if waiting ~= 0 then count_waiting(k, s, waiting) end
    list_under(k, s, id, list_score(id, after, type))
  end
  local wake = ARGV[a + 16]
  if wake == '-' then
    zrem('wake:' .. type, id)
  elseif wake ~= '' then
    zadd('wake:' .. type, wake, id)
  end
  if ARGV[a + 17] ~= '' then zadd('ended', ARGV[a + 17] == '+' and now_text or ARGV[a + 17], id) end
  if ARGV[a + 21] ~= '' then
    settle_money(k.id, k.name, ARGV[a + 23], f[3] or 'total', 'task/' .. id, tonumber(ARGV[a + 21]), tonumber(ARGV[a + 22]), ARGV[a + 24])
  end
  return { 1, k.epoch, k.seq, s and s.epoch or '', s and s.seq or '', followed_by(f[2], k, s), f[4] or '' }
end

local replies, starts, from, done = {}, {}, 4, false
for i = 1, tonumber(ARGV[3]) do
  starts[i], from = call_at(from)
  replies[i] = commit(starts[i])
  if replies[i].err then return replies[i] end
  if replies[i][1] == 1 then
    done = true
    if ARGV[starts[i] + 28] ~= '' then wanted = wanted + ARGV[starts[i] + 30] end
  end
end
flush()
for i, a in ipairs(starts) do
  if replies[i][1] == 1 and ARGV[a + 25] ~= '' then
    local destination, task = held_work(ARGV[a + 25], ARGV[a + 26], ARGV[a + 27])
    if destination then remove_work(ARGV[a + 25], ARGV[a + 26], destination, task) end
  end
end

local claims, records = {}, {}
fetched = min(max(1, wanted), 32)
for i, a in ipairs(starts) do
  claims[i], records[i] = {}, {}
  if replies[i][1] == 1 and ARGV[a + 28] ~= '' then
    claims[i], records[i] =
      claim_next(ARGV[a + 28], tonumber(ARGV[a + 29]), tonumber(ARGV[a + 30]), tonumber(ARGV[a + 31]), ARGV[a + 32])
  end
end
if wanted > 0 then
  finish_claims()
  flush()
end
if done then
  local kept = {}
  for i, reply in ipairs(replies) do kept[i] = reply[1] == 0 and { 0 } or reply end
  remember(cjson.encode({ now = now_text, replies = kept, claims = records }))
end
return { now_text, ARGV[2], replies, claims }
