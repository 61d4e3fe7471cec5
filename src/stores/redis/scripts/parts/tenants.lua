-- What is kept per key and per subject of a key: its log, its counters. A script loads each once, changes it in memory, and
-- `flush` writes what changed.

-- All that were loaded, and where to find them again: a key by its id, a subject by its name.
local tenants, keys, subjects = {}, {}, {}

-- The key itself, with what is checked when it starts something, and its queue in each lane. A key that cannot be read is
-- `broken`: nothing of it is written.
local function load_key(id)
  local k = keys[id]
  if k then return k end
  local at = P .. 'key:' .. id
  local f = redis.pcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting', 'running', 'cap', 'on', 'until', 'image', 'video', 'budgets',
    'hooks', 'limits')
  k = {
    id = id, name = scoped(id, ''), at = at, epoch = f[1] or '', seq = tonumber(f[2] or 0), by = f[3] or '',
    seq_text = f[2] or '0', waiting = tonumber(f[4] or 0), running = tonumber(f[5] or 0), cap = tonumber(f[6] or ''), on = f[7], ends = f[8],
    image = f[9], video = f[10], budgets = f[11], hooks = f[12], limits = f[13], log = {}, queues = {}, moved = {}, changed = false,
    broken = f.err or not (tonumber(f[2] or 0) and tonumber(f[4] or 0) and tonumber(f[5] or 0)),
  }
  keys[id] = k
  if k.broken then count_unreadable() else tenants[#tenants + 1] = k end
  return k
end

-- Why the key may not start anything now, nil when it may.
local function refused_key(k)
  if not k.on then return { 'key_refused', 'unknown' } end
  if k.on ~= '1' then return { 'key_refused', 'disabled' } end
  if k.ends and k.ends ~= '' and tonumber(k.ends) <= now then return { 'key_refused', 'expired' } end
end

-- Nil for a task of the key itself. Of a subject that cannot be read nothing is written either; what counts for its key goes on.
local function load_subject(key, subject)
  if subject == '' then return nil end
  local name = scoped(key, subject)
  local s = subjects[name]
  if s then return s end
  local at = P .. 'subject:' .. name
  local f = redis.pcall('HMGET', at, 'epoch', 'seq', 'by', 'waiting')
  local seq, waiting = tonumber(f[2] or 0), tonumber(f[4] or 0)
  s = {
    name = name, at = at, epoch = f[1] or '', seq = seq or 0, seq_text = f[2] or '0', by = f[3] or '', waiting = waiting or 0,
    log = {}, changed = false, broken = f.err or not (seq and waiting),
  }
  subjects[name] = s
  if s.broken then count_unreadable() else tenants[#tenants + 1] = s end
  return s
end

-- The next position in its log.
local function next_position(n)
  n.seq, n.changed = n.seq + 1, true
  n.seq_text = exact(n.seq)
end

-- Epoch and position of the key's log and, '' and '' where there is none, of the subject's; then who follows: the task, its key's log,
-- its subject's; and whether the key has endpoints. One text costs less to answer than five values.
local function places_of(by, k, s)
  return k.epoch .. ' ' .. k.seq_text .. ' ' .. (s and s.epoch .. ' ' .. s.seq_text or ' ') .. ' ' .. (by and by ~= '' and '1' or '0')
    .. (k.by ~= '' and '1' or '0') .. (s and s.by ~= '' and '1' or '0') .. (k.hooks and '1' or '0')
end
