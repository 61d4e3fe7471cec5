-- A task: `fix` never changes, `now` is written by every transition, both packed lines; every other field is a text of
-- the caller (JSON mostly), kept as it came.

local FIX = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'
local NOW = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)'
  .. ' (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'

-- Where it stands: a ready rank ('0' to '3'), 'held', 'delayed', or nil when it is over.
local function place(t)
  if t.rank ~= '-' then return t.rank end
  if t.lease ~= '-' then return 'held' end
  if t.due ~= '-' then return 'delayed' end
end

-- When somebody must look at it even if nobody rings; nil when it is over.
local function wake_at(t)
  if t.finished ~= '-' then return nil end
  local deadline = tonumber(t.deadline)
  return t.lease == '-' and deadline or min(deadline, tonumber(t.lease))
end

local function parse(t, fix, line)
  t.fix, t.line = fix, line
  t.type, t.priority, t.no, t.created, t.timeout, t.reserved, t.bytes, t.webhook = match(fix, FIX)
  t.status, t.updated, t.started, t.finished, t.deadline, t.progress, t.progress_at, t.attempt, t.rank, t.due, t.lease,
    t.fence, t.unsure, t.epoch, t.seq, t.trimmed, t.cost, t.settled, t.cancellation, t.provider_ms, t.store_ms = match(line, NOW)
  t.was_status, t.was_settled, t.was_place, t.was_wake = t.status, t.settled, place(t), wake_at(t)
  return t
end

-- The whole task, or nil.
local function load_task(id)
  local f = rcall('HMGET', P .. 'task:' .. id, 'fix', 'now', 'key', 'subject', 'spec', 'message', 'state', 'error', 'result', 'by')
  if not f[2] then return nil end
  return parse({
    id = id, key = f[3], subject = f[4] or '', spec = f[5], message = f[6] or '', state = f[7] or '', error = f[8] or '',
    result = f[9] or '', by = f[10] or '',
  }, f[1], f[2])
end

-- The task without its texts, for scripts that neither read nor answer them; nil when there is none.
local function load_line(id)
  local f = rcall('HMGET', P .. 'task:' .. id, 'fix', 'now', 'key', 'subject')
  return f[2] and parse({ id = id, key = f[3], subject = f[4] or '' }, f[1], f[2]) or nil
end

-- Changes one of its texts.
local function put(t, name, text)
  if t[name] == text then return end
  t[name] = text
  local texts = t.texts or {}
  texts[#texts + 1], texts[#texts + 2] = name, text
  t.texts = texts
end

local function save_task(t)
  t.line = concat({
    t.status, t.updated, t.started, t.finished, t.deadline, t.progress, t.progress_at, t.attempt, t.rank, t.due, t.lease,
    t.fence, t.unsure, t.epoch, t.seq, t.trimmed, t.cost, t.settled, t.cancellation, t.provider_ms, t.store_ms,
  }, ' ')
  if t.texts then
    rcall('HSET', P .. 'task:' .. t.id, 'now', t.line, unpack(t.texts))
  else
    rcall('HSET', P .. 'task:' .. t.id, 'now', t.line)
  end
end

-- As it is answered.
local function tell(t)
  return { t.id, t.fix, t.line, t.key, t.spec, t.message, t.state, t.error, t.result }
end

-- Its score in the sets that lists are read from: status and type, then the time in its id.
local function list_score(t)
  local ms = tonumber(t.id:sub(1, 8) .. t.id:sub(10, 13), 16) or 0
  return string.format('%.0f', (STATUS[t.status] * 2 + TYPE[t.type]) * 281474976710656 + ms)
end
