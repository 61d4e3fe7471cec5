-- Removing a task with everything that belongs to it. Its charge stays in the ledger.

local function remove_task(t)
  local k, s = load_key(t.key), load_subject(t.key, t.subject)
  local batch = rcall('HGET', P .. 'task:' .. t.id, 'batch')
  rcall('UNLINK', P .. 'task:' .. t.id, P .. 'cleanup:' .. t.id)
  rcall('ZREM', P .. 'ids:' .. k.name, t.id)
  if s then rcall('ZREM', P .. 'ids:' .. s.name, t.id) end
  if batch then rcall('ZREM', P .. 'batch:' .. scoped(t.key, batch), t.id) end
  if t.webhook == '1' then rcall('ZREM', P .. 'deliveries', t.id .. ' ' .. t.seq) end
  rcall('ZREM', t.trimmed == '1' and P .. 'trimmed' or P .. 'ended', t.id)
end
