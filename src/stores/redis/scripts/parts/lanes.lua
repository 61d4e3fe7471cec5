-- Start-time fair queueing. `turns:<lane>` holds the keys that may be served now by their virtual time, `ready:…` the ready
-- tasks of one key and rank by age, `delayed:<lane>` the others by when they are due.
--
-- A key's queue is eleven numbers: virtual time; tasks of rank 0 (continuing), 1 (high), 2, 3 (low); the virtual times of
-- the three priorities; which of the three had nothing to offer after the last claim ('0' or '1').

local lanes = {}
local QUEUE_LINE = '%d %d %d %d %d %d %d %d %s %s %s'
local QUEUE = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'

-- Its virtual time, and how many of its tasks are held.
local function load_lane(type)
  local lane = lanes[type]
  if not lane then
    local f = rcall('HMGET', P .. 'lane:' .. type, 'v', 'held')
    lane = { v = tonumber(f[1] or 0), held = tonumber(f[2] or 0), changed = false }
    lanes[type] = lane
  end
  return lane
end

local function eligible(k, q)
  return q[2] > 0 or (q[3] + q[4] + q[5] > 0 and (not k.cap or k.running < k.cap))
end

-- The key's queue in a lane. `shown` is its score in `turns`, false when it does not stand there. It has to be loaded
-- before anything about the key changes.
local function queue_of(k, type)
  local q = k.queues[type]
  if q then return q end
  if k[type] then
    q = { match(k[type], QUEUE) }
    for index = 1, 8 do q[index] = tonumber(q[index]) end
  else
    q = { 0, 0, 0, 0, 0, 0, 0, 0, '1', '1', '1' }
  end
  q.shown = eligible(k, q) and q[1]
  k.queues[type] = q
  return q
end

-- Puts the key where its numbers say. One that comes back is as late as the others: idling earns no credit.
local function show(k, type)
  local q = k.queues[type]
  if eligible(k, q) then
    if not q.shown then q[1] = max(q[1], load_lane(type).v) end
    if q.shown ~= q[1] then
      rcall('ZADD', P .. 'turns:' .. type, exact(q[1]), k.id)
      q.shown = q[1]
    end
  elseif q.shown then
    rcall('ZREM', P .. 'turns:' .. type, k.id)
    q.shown = false
  end
  k.changed = true
end

local function ready_list(k, type, rank)
  return P .. 'ready:' .. type .. ':' .. rank .. ':' .. k.id
end

local function make_ready(k, t)
  local q = queue_of(k, t.type)
  rcall('ZADD', ready_list(k, t.type, t.rank), t.no, t.id)
  q[2 + t.rank] = q[2 + t.rank] + 1
end
