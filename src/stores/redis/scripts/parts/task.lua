-- A task: `fix` never changes, `now` is written by every transition, both packed lines; `e0`, `e1`, … are its lifecycle
-- events; every other field is a text of the caller (JSON mostly), kept as it came.

local FIX = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'
local NOW = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)'
  .. ' (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$'

-- Takes the lines apart. The fields are named at once: a table that grows field by field costs twice as much.
-- `place` is where it stands: a ready rank ('0' to '3'), 'held', 'delayed', or nil when it is over. `wake` is when somebody
-- must look at it even if nobody rings, nil when it is over. Both, and status and settlement, are kept as they `was`.
local function parse(id, key, subject, fix, line, spec, message, state, error, result, by)
  local type, priority, no, created, timeout, reserved, bytes, webhook, made = match(fix, FIX)
  local status, updated, started, finished, deadline, progress, progress_at, attempt, rank, due, lease, fence, unsure, epoch,
    seq, trimmed, cost, settled, cancellation, provider_ms, store_ms, events = match(line, NOW)
  return {
    id = id, key = key, subject = subject or '', fix = fix, line = line, spec = spec, message = message or '',
    state = state or '', error = error or '', result = result or '', by = by or '',
    type = type, priority = priority, no = no, created = created, timeout = timeout, reserved = reserved, bytes = bytes,
    webhook = webhook, made = made,
    status = status, updated = updated, started = started, finished = finished, deadline = deadline, progress = progress,
    progress_at = progress_at, attempt = attempt, rank = rank, due = due, lease = lease, fence = fence, unsure = unsure,
    epoch = epoch, seq = seq, trimmed = trimmed, cost = cost, settled = settled, cancellation = cancellation,
    provider_ms = provider_ms, store_ms = store_ms, events = events,
    texts = false, ref = '-', was_status = status, was_settled = settled,
    was_place = rank ~= '-' and rank or lease ~= '-' and 'held' or due ~= '-' and 'delayed' or nil,
    was_wake = finished == '-' and (lease ~= '-' and tonumber(lease) < tonumber(deadline) and lease or deadline) or nil,
  }
end

-- The whole task, or nil.
local function load_task(id)
  local f = rcall('HMGET', P .. 'task:' .. id, 'key', 'subject', 'fix', 'now', 'spec', 'message', 'state', 'error', 'result', 'by')
  return f[1] and parse(id, unpack(f)) or nil
end

-- Changes one of its texts, or adds an event.
local function put(t, name, text)
  if t[name] == text then return end
  local texts = t.texts or {}
  texts[#texts + 1], texts[#texts + 2] = name, text
  t[name], t.texts = text, texts
end

local function save_task(t)
  t.line = t.status .. ' ' .. t.updated .. ' ' .. t.started .. ' ' .. t.finished .. ' ' .. t.deadline .. ' ' .. t.progress
    .. ' ' .. t.progress_at .. ' ' .. t.attempt .. ' ' .. t.rank .. ' ' .. t.due .. ' ' .. t.lease .. ' ' .. t.fence
    .. ' ' .. t.unsure .. ' ' .. t.epoch .. ' ' .. t.seq .. ' ' .. t.trimmed .. ' ' .. t.cost .. ' ' .. t.settled
    .. ' ' .. t.cancellation .. ' ' .. t.provider_ms .. ' ' .. t.store_ms .. ' ' .. t.events
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
