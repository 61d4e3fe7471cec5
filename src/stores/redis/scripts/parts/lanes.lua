-- Start-time fair queueing. `turns:<lane>` holds the keys that may be served now by their virtual time, `ready:…` the ready
-- tasks of one key and rank by age, `delayed:<lane>` the others by when they are due.
--
-- A key's queue is eleven numbers: virtual time; tasks of rank 0 (continuing), 1 (high), 2, 3 (low); the virtual times of
-- the three priorities; which of the three had nothing to offer after the last claim.

local lanes = {}

local function load_lane(type)
  local lane = lanes[type]
  if not lane then
    local f = rcall('HMGET', P .. 'lane:' .. type, 'v', 'ready', 'held')
    lane = { v = tonumber(f[1] or 0), ready = tonumber(f[2] or 0), held = tonumber(f[3] or 0) }
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
    q = { match(k[type], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$') }
    for index = 1, 11 do q[index] = tonumber(q[index]) end
  else
    q = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1 }
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
      rcall('ZADD', P .. 'turns:' .. type, q[1], k.id)
      q.shown = q[1]
    end
  elseif q.shown then
    rcall('ZREM', P .. 'turns:' .. type, k.id)
    q.shown = false
  end
  k.changed = true
end

local function add_ready(k, type, rank, n)
  local q, lane = queue_of(k, type), load_lane(type)
  q[2 + rank], lane.ready, lane.changed = q[2 + rank] + n, lane.ready + n, true
end

local function ready_list(k, type, rank)
  return P .. 'ready:' .. type .. ':' .. rank .. ':' .. k.id
end

-- The task left one list and came to another; `popped` when its claim took it off the first already.
local function relocate(k, t, popped)
  local from, to, type = t.was_place, place(t), t.type
  local started = (t.status == 'running' and 1 or 0) - (t.was_status == 'running' and 1 or 0)
  if from == to and started == 0 then return end
  queue_of(k, type)
  if started ~= 0 then
    -- The limit counts in every lane.
    if k.cap then
      queue_of(k, 'image')
      queue_of(k, 'video')
    end
    k.running = k.running + started
  end
  if from ~= to then
    local lane = load_lane(type)
    if from == 'held' then
      lane.held, lane.changed = lane.held - 1, true
    elseif from == 'delayed' then
      rcall('ZREM', P .. 'delayed:' .. type, t.id)
    elseif from and not popped then
      rcall('ZREM', ready_list(k, type, from), t.id)
      add_ready(k, type, tonumber(from), -1)
    end
    if to == 'held' then
      lane.held, lane.changed = lane.held + 1, true
    elseif to == 'delayed' then
      rcall('ZADD', P .. 'delayed:' .. type, t.due, t.id)
    elseif to then
      rcall('ZADD', ready_list(k, type, to), t.no, t.id)
      add_ready(k, type, tonumber(to), 1)
    end
  end
  if k.cap and started ~= 0 then
    show(k, 'image')
    show(k, 'video')
  else
    show(k, type)
  end
end

local function flush_lanes()
  for type, lane in pairs(lanes) do
    if lane.changed then
      rcall('HSET', P .. 'lane:' .. type, 'v', lane.v, 'ready', lane.ready, 'held', lane.held)
    end
  end
end
