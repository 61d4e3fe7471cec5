-- Start-time fair queueing. Of each lane and provider, `turns` holds the keys that may be served now by their virtual time,
-- `polls` those of them that have a started task ready, `ready` the ready tasks of one key and rank by age; `delayed` holds a
-- lane's other tasks by when they are due. A key's virtual time, and that of its priorities, are those of the lane, whatever
-- providers its tasks are for: it stands everywhere with the same score.
--
-- A key's queue is packed: virtual time; the virtual times of the three priorities; which of the three had nothing to offer
-- after the last claim ('0' or '1'); then of each provider its token and the ready tasks of rank 0 (continuing), 1 (high), 2, 3.

local lanes = {}
local QUEUE_LINE = '%d %d %d %d %s %s %s'
local QUEUE = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)(.*)$'

-- A provider's name as a word without blanks and colons.
local tokens_known = {}
local function token_of(provider)
  if tokens_known[provider] then return provider end
  if match(provider, '^[%w_.-]+$') then
    tokens_known[provider] = true
    return provider
  end
  if provider == '' then return '%' end
  return (provider:gsub('[^%w_.-]', function(letter) return format('%%%02X', letter:byte()) end))
end

-- Its virtual time, how many of its tasks are held, the tokens of its providers, and until when which are paused
-- (JSON).
local function load_lane(type)
  local lane = lanes[type]
  if not lane then
    local f = rcall('HMGET', P .. 'lane:' .. type, 'v', 'held', 'providers', 'pauses')
    lane = { v = tonumber(f[1] or 0), held = tonumber(f[2] or 0), providers = f[3] or ' ', changed = false, known = f[3] }
    lane.pauses = f[4] and cjson.decode(f[4]) or {}
    lanes[type] = lane
  end
  return lane
end

local function is_paused(lane, token)
  local ends = lane.pauses[token]
  return ends and tonumber(ends) > now
end

local function turns_of(type, token)
  return P .. 'turns:' .. type .. ':' .. token
end

local function polls_of(type, token)
  return P .. 'polls:' .. type .. ':' .. token
end

local function ready_list(type, rank, token, key)
  return 'ready:' .. type .. ':' .. rank .. ':' .. token .. ':' .. key
end

local function startable(k, n)
  return n[2] + n[3] + n[4] > 0 and (not k.cap or k.running < k.cap)
end

local function eligible(k, n)
  return n[1] > 0 or startable(k, n)
end

-- The key's queue in a lane. `turn` and `poll` are its scores in the provider's two sets, false where it does not stand. It
-- has to be loaded before anything about the key changes.
local function queue_of(k, type)
  local q = k.queues[type]
  if q then return q end
  q = { 0, 0, 0, 0, '1', '1', '1', at = {} }
  k.queues[type] = q
  local t, a, b, c, x, y, z, rest = match(k[type] or '', QUEUE)
  if not t then return q end
  q[1], q[2], q[3], q[4] = tonumber(t) or 0, tonumber(a) or 0, tonumber(b) or 0, tonumber(c) or 0
  q[5], q[6], q[7] = x, y, z
  if rest ~= '' then
    for token, c0, c1, c2, c3 in rest:gmatch(' (%S+) (%d+) (%d+) (%d+) (%d+)') do
      local n = { tonumber(c0), tonumber(c1), tonumber(c2), tonumber(c3) }
      n.turn, n.poll = eligible(k, n) and q[1], n[1] > 0 and q[1]
      q.at[token] = n
    end
  end
  return q
end

-- Its ready tasks for one provider.
local function counts_of(q, token)
  local n = q.at[token]
  if not n then
    n = { 0, 0, 0, 0, turn = false, poll = false }
    q.at[token] = n
  end
  return n
end

local function place(name, key, score)
  if score then
    rcall('ZADD', name, exact(score), key)
  else
    rcall('ZREM', name, key)
  end
end

-- Puts the key where its numbers say. One that had nothing to claim is not served first for that time when it comes
-- back: its virtual time is raised to the lane's, or to that of the first key which waits for the same provider, if
-- that is less.
local function show(k, type)
  local q = k.queues[type]
  local absent = true
  for _, n in pairs(q.at) do
    if n.turn then absent = false end
  end
  for token, n in pairs(q.at) do
    local on = eligible(k, n)
    if on and not n.turn then
      local lane = load_lane(type)
      if not lane.providers:find(' ' .. token .. ' ', 1, true) then
        lane.providers, lane.changed = lane.providers .. token .. ' ', true
      end
      if absent then
        local first = lane.v > q[1] and rcall('ZRANGE', turns_of(type, token), '0', '0', 'WITHSCORES')[2]
        q[1] = max(q[1], first and min(lane.v, tonumber(first)) or lane.v)
        absent = false
      end
    end
  end
  for token, n in pairs(q.at) do
    local turn, poll = eligible(k, n) and q[1], n[1] > 0 and q[1]
    if turn ~= n.turn then place(turns_of(type, token), k.id, turn) end
    if poll ~= n.poll then place(polls_of(type, token), k.id, poll) end
    n.turn, n.poll = turn, poll
  end
  k.changed = true
end

-- Its numbers have changed: `flush` shows it. Its limit counts in every lane.
local function touch(k, type, started)
  k.moved[type] = true
  if k.cap and started ~= 0 then
    k.moved.image, k.moved.video = true, true
    queue_of(k, 'image')
    queue_of(k, 'video')
  end
end

local function make_ready(k, type, token, rank, no, id)
  local n = counts_of(queue_of(k, type), token)
  zadd(ready_list(type, rank, token, k.id), no, id)
  n[1 + rank] = n[1 + rank] + 1
  k.moved[type] = true
end

-- The first two keys of a provider's `turns` that may start one of its tasks, of those that stand first, each with its virtual
-- time. A key further behind waits until the polls of those before it were claimed, which are for the same provider.
local function first_to_start(type, token)
  local head = {}
  for _, id in ipairs(rcall('ZRANGE', turns_of(type, token), '0', exact(MAX_LOOKED_AT - 1))) do
    local k = load_key(id)
    if not k.broken then
      local q = queue_of(k, type)
      if startable(k, counts_of(q, token)) then
        head[#head + 1], head[#head + 2] = id, q[1]
        if head[4] then break end
      end
    end
  end
  return head
end

local function queue_text(q)
  local text = format(QUEUE_LINE, unpack(q, 1, 7))
  for token, n in pairs(q.at) do
    if n[1] + n[2] + n[3] + n[4] > 0 then
      text = text .. ' ' .. token .. format(' %d %d %d %d', n[1], n[2], n[3], n[4])
    end
  end
  return text
end
