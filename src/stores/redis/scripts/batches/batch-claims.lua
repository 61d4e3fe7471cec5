-- What holds the idempotency key of a batch.

-- 'replayed' and the record of the batch that the key made, 'conflict' when its request was another one, nil when the key is free.
local function repeated_batch(once, fingerprint, within)
  local text = rcall('GET', once)
  local holder = text and cjson.decode(text)
  local record = holder and tonumber(holder['until']) > now and rcall('HGETALL', P .. 'batch-record:' .. holder.taskId)
  if not record or not record[1] then return nil end
  local ended = tonumber(rcall('HGET', P .. 'batch-record:' .. holder.taskId, 'finishedAt') or '')
  if ended and within ~= '' and now - ended > tonumber(within) then return nil end
  if holder.fingerprint ~= fingerprint then return 'conflict' end
  return 'replayed', { holder.taskId, record }
end
