-- What is kept per key and per subject of a key: its log, its counters, its money. A script loads each once, changes it
-- in memory, and `flush` writes what changed.

local tenants = {}

local function tenant(name, at, f)
  local n = {
    name = name, at = at, epoch = f[1], seq = tonumber(f[2] or 0), by = f[3] or '', waiting = tonumber(f[4] or 0),
    reserved = tonumber(f[5] or 0), spent = tonumber(f[6] or 0), log = {}, ids = {},
  }
  tenants[name] = n
  return n
end

-- The key itself, with what is checked when it starts something.
local function load_key(id)
  local name = scoped(id, '')
  if tenants[name] then return tenants[name] end
  local at = P .. 'key:' .. id
  local f = rcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting', 'reserved', 'spent', 'running', 'cap', 'on', 'until', 'image', 'video')
  local k = tenant(name, at, f)
  k.id, k.running, k.cap, k.on, k.ends = id, tonumber(f[7] or 0), tonumber(f[8] or ''), f[9], f[10]
  k.image, k.video, k.queues = f[11], f[12], {}
  return k
end

-- Nil for a task of the key itself.
local function load_subject(key, subject)
  if subject == '' then return nil end
  local name = scoped(key, subject)
  if tenants[name] then return tenants[name] end
  local at = P .. 'subject:' .. name
  return tenant(name, at, rcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting', 'reserved', 'spent'))
end

local function load_tenant(key, subject)
  return load_subject(key, subject) or load_key(key)
end

-- A tenant gets its log with its first task or follower.
local function open_tenant(n, epoch)
  if n.epoch then return end
  n.epoch = epoch
  rcall('HSET', n.at, 'epoch', epoch)
  rcall('ZADD', P .. 'tenants', 0, n.name)
end

-- What a transition adds to the counters.
local function count(n, waiting, reserved, spent)
  n.waiting, n.reserved, n.spent = n.waiting + waiting, n.reserved + reserved, n.spent + spent
  n.changed = true
end

-- Whether anybody follows: a set of nodes, as words of a text.
local function marks(by, node)
  return (' ' .. by .. ' '):find(' ' .. node .. ' ', 1, true) ~= nil
end

local function mark(by, node)
  if marks(by, node) then return by end
  local nodes = by == '' and node or by .. ' ' .. node
  local _, spaces = nodes:gsub(' ', '')
  -- Nodes that died took no mark away: the oldest goes.
  return spaces < MAX_NODES and nodes or match(nodes, '^%S+ (.*)$')
end

local function unmark(by, node)
  local left = {}
  for one in by:gmatch('%S+') do
    if one ~= node then left[#left + 1] = one end
  end
  return concat(left, ' ')
end

-- An update as it is answered: task, event (a line, '' for none), epoch and position of the two tenant logs, who follows.
local function answer(t, line, k, s)
  return {
    tell(t), line, k.epoch, k.seq, s and s.epoch or '', s and s.seq or '',
    (t.by ~= '' and '1' or '0') .. (k.by ~= '' and '1' or '0') .. (s and s.by ~= '' and '1' or '0'),
  }
end

local function flush_tenants()
  for _, n in pairs(tenants) do
    if n.changed then
      local set = { 'seq', n.seq, 'waiting', n.waiting, 'reserved', exact(n.reserved), 'spent', exact(n.spent) }
      if n.queues then
        set[9], set[10] = 'running', n.running
        for type, q in pairs(n.queues) do
          set[#set + 1], set[#set + 2] = type, concat(q, ' ')
        end
      end
      rcall('HSET', n.at, unpack(set))
    end
    if #n.log > 0 then
      local length = rcall('RPUSH', P .. 'log:' .. n.name, unpack(n.log))
      -- Not at every event: a list that is cut by many at once costs less.
      if length > TENANT_LOG_EVENTS * 1.1 then
        rcall('LTRIM', P .. 'log:' .. n.name, -TENANT_LOG_EVENTS, -1)
      end
    end
    if #n.ids > 0 then rcall('ZADD', P .. 'ids:' .. n.name, unpack(n.ids)) end
  end
end
