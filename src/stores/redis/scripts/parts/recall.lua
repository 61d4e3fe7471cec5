-- Answering a call again: what the first one did, with the tasks as they are now. Made only where it is needed: every
-- function a script makes costs as much as a command.

local recall_update, recall_claims
if repeated then
  -- The update that `ref` remembers of a task, and the task; '' when the task is gone.
  recall_update = function(id, ref)
    local t = load_task(id)
    if not t then return '', nil end
    local line = ''
    if ref == 'p' .. t.seq then
      line = concat({ t.seq, 'progress', t.progress, t.progress_at, '-', '-', t.message }, ' ')
    elseif match(ref, '^e') then
      line = rcall('HGET', P .. 'task:' .. id, ref) or ''
    end
    return answer(t, line, load_key(t.key), load_subject(t.key, t.subject)), t
  end

  -- The claims of `records` that are still held.
  recall_claims = function(records)
    local claims = {}
    for id, fence, ref in records:gmatch('(%S+) (%S+) (%S+)') do
      local update, t = recall_update(id, ref)
      if t and t.fence == fence and t.lease ~= '-' then claims[#claims + 1] = update end
    end
    return claims
  end
end
