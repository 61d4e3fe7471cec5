-- What is kept per key and per subject of a key: its log, its counters, its money. A script loads each once, changes it
-- in memory, and `flush` writes what changed.

-- All that were loaded, and where to find them again: a key by its id, a subject by its name.
local tenants, keys, subjects = {}, {}, {}

-- The key itself, with what is checked when it starts something, and its queue in each lane.
local function load_key(id)
  local k = keys[id]
  if k then return k end
  local at = P .. 'key:' .. id
  local f = rcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting', 'reserved', 'spent', 'running', 'cap', 'on', 'until', 'image', 'video')
  k = {
    name = scoped(id, ''), at = at, epoch = f[1], seq = tonumber(f[2] or 0), by = f[3] or '',
    waiting = tonumber(f[4] or 0), reserved = tonumber(f[5] or 0), spent = tonumber(f[6] or 0),
    log = {}, ids = {}, changed = false, paid = false, id = id, running = tonumber(f[7] or 0), cap = tonumber(f[8] or ''), on = f[9], ends = f[10],
    image = f[11], video = f[12], queues = {},
  }
  keys[id], tenants[#tenants + 1] = k, k
  return k
end

-- Nil for a task of the key itself.
local function load_subject(key, subject)
  if subject == '' then return nil end
  local name = scoped(key, subject)
  local s = subjects[name]
  if s then return s end
  local at = P .. 'subject:' .. name
  local f = rcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting', 'reserved', 'spent')
  s = {
    name = name, at = at, epoch = f[1], seq = tonumber(f[2] or 0), by = f[3] or '', waiting = tonumber(f[4] or 0),
    reserved = tonumber(f[5] or 0), spent = tonumber(f[6] or 0), log = {}, ids = {}, changed = false, paid = false,
  }
  subjects[name], tenants[#tenants + 1] = s, s
  return s
end

-- An update as it is answered: task, event (a line, '' for none), epoch and position of the two tenant logs, who follows.
local function answer(t, line, k, s)
  return {
    tell(t), line, k.epoch, k.seq, s and s.epoch or '', s and s.seq or '',
    (t.by ~= '' and '1' or '0') .. (k.by ~= '' and '1' or '0') .. (s and s.by ~= '' and '1' or '0'),
  }
end
