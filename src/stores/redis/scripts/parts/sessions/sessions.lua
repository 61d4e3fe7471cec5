-- Realtime sessions. `sessions-open` holds the open ones by the end of their lease, `sessions-open:<key>` those of one key,
-- `sessions-lost` those that were ended and not settled by when they are handed out again, `session-ends` the settled ones by
-- their end, `sessions:<tenant>` all of a tenant by their ids.

local function session_key(id)
  return P .. 'session:' .. id
end

-- As it is answered.
local function tell_session(id)
  return rcall('HGETALL', session_key(id))
end

-- Closes it: it takes no place any more.
local function close_session(id, key, fence, reason)
  rcall('HSET', session_key(id), 'fence', fence, 'endedAt', now_text, 'closeReason', reason)
  rcall('HDEL', session_key(id), 'leaseUntil')
  rcall('ZREM', P .. 'sessions-open', id)
  rcall('ZREM', P .. 'sessions-open:' .. key, id)
  if TOLD_SESSION_ENDS > 0 then post_session_end(id) end
end

-- Settles it at what it came to: charged within what was held for it, the rest is overrun.
local function settle_session(id, cost)
  local f = rcall('HMGET', session_key(id), 'keyId', 'customer', 'reservedMicros', 'windows', 'endedAt', 'movement', 'model')
  local held = tonumber(f[3])
  local charged = max(0, min(cost, held))
  local over = max(0, cost - charged)
  local movement = ''
  if cost > 0 then
    movement = f[6] .. ',"chargedMicros":' .. exact(charged) .. ',"upstreamMicros":' .. exact(cost)
    if over > 0 then movement = movement .. ',"overrunMicros":' .. exact(over) end
  end
  settle_money(f[1], f[2] or '', f[4] or 'total', 'session/' .. id, held, charged, movement)
  if TOLD_SPEND > 0 and charged > 0 then post_spend(load_key(f[1]), f[2] or '', f[4] or 'total', 'session/' .. id, movement) end
  if charged > 0 then note_reached(load_key(f[1]), f[2] or '', f[4] or 'total') end
  local counts = 'c 1 i -1 $ ' .. exact(charged) .. ' u ' .. exact(over) .. ' o ' .. exact(over)
  add_usage(f[1], f[2] or '', counts .. '|realtime ' .. (f[7] or ''))
  write('HSET', session_key(id), 'chargedMicros', exact(charged), 'settled', '1')
  write('ZREM', P .. 'sessions-lost', id)
  write('ZADD', P .. 'session-ends', f[5], id)
  make_writes()
end
