-- Removing a task with everything that belongs to it, its due work and deliveries included. What it cost stays in the ledger.

local function remove_task(t)
  local at = P .. 'task:' .. t[T_id]
  local f = rcall('HKEYS', at)
  local subject = t[T_subject]
  local batch = t[T_batchId]
  for _, field in ipairs(f) do
    local kind, id = match(field, '^work (%S+) (.*)$')
    if kind then remove_work(kind, id, rcall('HGET', at, field), t[T_id]) end
    local delivery = match(field, '^delivery (.*)$')
    if delivery then remove_delivery(delivery) end
  end
  rcall('UNLINK', at)
  rcall('ZREM', P .. 'ids:' .. scoped(t[T_keyId], ''), t[T_id])
  if subject ~= '' then rcall('ZREM', P .. 'ids:' .. scoped(t[T_keyId], subject), t[T_id]) end
  if batch then rcall('ZREM', P .. 'batch:' .. scoped(t[T_keyId], batch), t[T_id]) end
  rcall('ZREM', P .. 'unsettled', t[T_id])
  rcall('ZREM', P .. 'unreadable-tasks', t[T_id])
  rcall('ZREM', P .. (t[T_trimmed] == '1' and 'trimmed' or 'ended'), t[T_id])
end
