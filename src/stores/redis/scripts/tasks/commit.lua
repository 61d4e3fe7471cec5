-- Applies what the reducer decided about tasks, and claims the next work in the same step. Which task is claimed, and
-- what that changes in it, is decided in Lua and not by the reducer (hand_out in parts/tasks/claim-order.lua), because a claim
-- has to search. ARGV: from 3 the commits, each a list of texts, as parts/calls.lua reads them (the server takes one
-- long argument faster than many short ones):
--   1 task, 2 the revision that was decided about, 3 the lease that must still run as it did, or '', 4 key, 5 subject, 6 type,
--   7 and 8 status before and after, 9 and 10 place before and after (ready, delayed, held, ended), 11 and 12 provider, 13 and 14
--   rank before and after, 15 number among the key's tasks, 16 ms until it is due or '', 17 when somebody must look at it ('' as
--   before, '-' never), 18 moment of its end if it may be removed in time ('+' = now, '' not; '-' = it ends now, unsettled), 19
--   type of the event or '', 20 the event's JSON as far as it is known, 21 field of the event, 22 money released or '' for none,
--   23 charged, 24 customer, 25 JSON of the movement or '', 26 its id, 27 kind of the due work that this finishes or '', 28 its id, 29 its
--   fence, 30 lane to claim in or '', 31 lease in ms, 32 how many at most, 33 most held or '', 34 JSON list of providers or '', 35 and 36 how
--   many starts and polls at most or '', 37 the call since which the caller knows what it made or '', 38 fields to set, 39 moments to set, 40
--   fields to remove, 41 due work to leave; then names and texts, names and ms from now, names, and of each item kind,
--   id, destination, payload, ms until it is given up; what is added to the sums of usage or '' (see parts/money/usage.lua); then '', or, where
--   webhooks may hear of it, the type of the message, its body (JSON), and URL and headers (JSON) of the task's own webhook, '' where
--   that does not hear of it; and at the end the row for the outbox, if there is one.
-- Answers the moment, the call's name (which is the revision now), of each commit { 1, places (parts/tenants.lua), the
-- lease before }, { 0, the task or nil } when its revision is another one, { 2 } when the due work is
-- not held any more, { 3 } when the task's key cannot be read; and the claims of each.

local calls = read_calls()

if repeated then
  local before = cjson.decode(repeated)
  local replies, claims = {}, {}
  for i, c in ipairs(calls) do
    local reply = before.replies[i]
    if reply[1] == 0 then reply = { 0, load_task(c[1]) or false } end
    replies[i], claims[i] = reply, recall_claims(before.claims[i])
  end
  return { before.now, ARGV[2], replies, claims }
end

-- What commits ask to claim: those that ask for one task each, in the same way, are given what one claim for all of them finds.
local asked, wanted = {}, 0
local function ask(index, c)
  local way = concat(c, '\n', 30, 37)
  local claim = c[32] == '1' and asked[way]
  if claim then
    claim.calls[#claim.calls + 1] = index
  else
    claim = {
      calls = { index }, lane = c[30], lease = tonumber(c[31]), most = tonumber(c[32]), held = tonumber(c[33]), providers = c[34],
      starts = tonumber(c[35]), polls = tonumber(c[36]), since = tonumber(c[37]),
    }
    asked[#asked + 1], asked[way] = claim, claim
  end
  wanted = wanted + claim.most
end

-- A task is decided about once in a script; a second commit of it is told to look again.
local seen = {}
local function commit(index, c)
  local id = c[1]
  if seen[id] then return { 0, false } end
  seen[id] = true
  local at = 'task:' .. id
  local f = rcall('HMGET', P .. at, 'rev', 'by', 'windows', 'leaseUntil', 'batchId')
  if f[1] ~= c[2] or (c[3] ~= '' and f[4] ~= c[3]) then return { 0, load_task(id) or false } end
  if c[27] ~= '' and not held_work(c[27], c[28], c[29]) then return { 2 } end

  local type, before, after, from, to = c[6], c[7], c[8], c[9], c[10]
  local k, s = load_key(c[4]), load_subject(c[4], c[5])
  if k.broken then return { 3 } end
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
        local token, rank = token_of(c[11]), tonumber(c[13])
        zrem(ready_list(type, rank, token, k.id), id)
        local n = counts_of(q, token)
        n[1 + rank] = n[1 + rank] - 1
      end
      if to == 'ready' then
        make_ready(k, type, token_of(c[12]), tonumber(c[14]), c[15], id)
      end
    end
  end
  if c[16] ~= '' then zadd('delayed:' .. type, moment_in(c[16]), id) end

  if c[30] ~= '' then ask(index, c) end
  local gone, works, b = tonumber(c[40]), tonumber(c[41]), 41 + c[38] * 2
  local last = b + c[39] * 2
  for i = b + 2, last, 2 do c[i] = moment_in(c[i]) end
  -- The fields stand there already; what is before them has been looked at.
  local event, first = c[19], 38
  if event ~= '' and event ~= 'progress' then
    first, c[38], c[39] = 36, c[21], log_event(id, c[21], c[20], k, s)
  end
  c[first], c[first + 1], c[40], c[41] = 'HSET', P .. at, 'rev', ARGV[2]
  write_part(c, first, last)
  b = last
  if gone > 0 then write('HDEL', P .. at, unpack(c, b + 1, b + gone)) end
  b = b + gone
  for i = 1, works do
    add_work(c[b + 1], c[b + 2], c[b + 3], id, c[b + 4], tonumber(c[b + 5]))
    b = b + 5
  end
  b = b + 1
  if c[b] ~= '' then add_usage(k.id, c[24], c[b]) end
  b = b + 1
  if c[b] ~= '' then
    local seq = c[21]:sub(2)
    leave_deliveries(k, { id = id .. '-' .. seq, key = c[4], subject = c[5], task = id, seq = seq, type = c[b], body = c[b + 1] },
      c[b + 2], c[b + 3])
    b = b + 3
  end
  if OUTBOX_ROWS > 0 and c[b + 1] then post(c[b + 1]) end

  if before ~= after then
    move_in_batch(f[5], before, after, k)
    local waiting = (after == 'queued' and 1 or 0) - (before == 'queued' and 1 or 0)
    if waiting ~= 0 then count_waiting(k, s, waiting) end
    list_under(k, s, id, list_score(id, after, type))
  end
  local wake = c[17]
  if wake == '-' then
    zrem('wake:' .. type, id)
  elseif wake ~= '' then
    zadd('wake:' .. type, wake, id)
  end
  local ended = c[18]
  if ended == '-' then
    zadd('unsettled', now_text, id)
  elseif ended ~= '' then
    zadd('ended', ended == '+' and now_text or ended, id)
  end
  if c[22] ~= '' then
    settle_money(k.id, c[24], f[3] or 'total', c[26], tonumber(c[22]), tonumber(c[23]), c[25])
    if TOLD_SPEND > 0 and c[25] ~= '' then post_spend(k, c[24], f[3] or 'total', c[26], c[25]) end
    if c[23] ~= '0' then note_reached(k, c[24], f[3] or 'total') end
  end
  return { 1, places_of(f[2], k, s), f[4] or '' }
end

local replies, done = {}, false
for i, c in ipairs(calls) do
  replies[i] = commit(i, c)
  if replies[i][1] == 1 then done = true end
end
flush()
for i, c in ipairs(calls) do
  if replies[i][1] == 1 and c[27] ~= '' then
    local destination, task = held_work(c[27], c[28], c[29])
    if destination then remove_work(c[27], c[28], destination, task) end
  end
end

local claims, records = {}, {}
fetched = min(max(1, wanted), 32)
for i = 1, #calls do claims[i], records[i] = {}, {} end
for _, claim in ipairs(asked) do
  local those, times = claim.calls, #claim.calls
  local found, kept = claim_next(claim.lane, claim.lease, claim.most * times, claim.held, claim.providers,
    claim.starts and claim.starts * times, claim.polls and claim.polls * times, claim.since)
  if times == 1 then
    claims[those[1]], records[those[1]] = found, kept
  else
    for n, one in ipairs(found) do claims[those[n]][1], records[those[n]][1] = one, kept[n] end
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
