-- Answering a call again: what the first one did, with the tasks as they are now.

-- The update that `ref` remembers of a task, '' when the task is gone.
local function recall_update(id, ref)
  local t = load_task(id)
  if not t then return '', nil end
  local k, s = load_key(t.key), load_subject(t.key, t.subject)
  local line = ''
  if ref == 'p' .. t.seq then
    line = concat({ t.seq, 'progress', t.progress, t.progress_at, '-', '-', t.message }, ' ')
  elseif match(ref, '^e') then
    line = rcall('HGET', P .. 'task:' .. id, ref) or ''
  end
  return answer(t, line, k, s), t
end

-- The claims of `records` that are still held.
local function recall_claims(records)
  local claims = {}
  for id, fence, ref in records:gmatch('(%S+) (%S+) (%S+)') do
    local update, t = recall_update(id, ref)
    if t and t.fence == fence and t.lease ~= '-' then claims[#claims + 1] = update end
  end
  return claims
end
