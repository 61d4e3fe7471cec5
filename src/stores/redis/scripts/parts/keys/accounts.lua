-- What a change of a virtual key means for its tasks.

-- The limits of the key besides those that stand in fields of their own, as one JSON text; '' where it has none of them.
local function limits_text(id)
  local f = rcall('HMGET', P .. 'account:' .. id, 'grants', 'customerBudget', 'requestsPerMinute', 'requestsPerDay')
  local grants, budget, minute, day = f[1] or '[]', f[2] or 'null', f[3] or 'null', f[4] or 'null'
  if grants == '[]' and budget == 'null' and minute == 'null' and day == 'null' then return '' end
  return format('{"grants":%s,"customerBudget":%s,"requestsPerMinute":%s,"requestsPerDay":%s}', grants, budget, minute, day)
end

-- What the create step checks, and the limit, which counts at once in every lane. '=' leaves one as it is. `most` is the key's
-- own limit, `cap` the one that counts: none of the waiting tasks of a key that is off is started. `closing` has the moment from
-- which the sweep cancels them.
local function change_key(id, on, ends, most, budgets)
  local k = load_key(id)
  queue_of(k, 'image')
  queue_of(k, 'video')
  if on == '=' then on = k.on or '0' end
  if most == '=' then most = rcall('HGET', k.at, 'most') or (k.on == '1' and k.cap and exact(k.cap)) or '' end
  local cap = on == '1' and most or '0'
  k.on, k.cap = on, tonumber(cap)
  k.moved.image, k.moved.video = true, true
  write('HSET', k.at, 'on', on, 'most', most, 'cap', cap)
  local limits = limits_text(id)
  if limits == '' then write('HDEL', k.at, 'limits') else write('HSET', k.at, 'limits', limits) end
  if budgets ~= '=' then write('HSET', k.at, 'budgets', budgets) end
  if ends ~= '=' then
    write('HSET', k.at, 'until', ends)
    if ends == '' then write('ZREM', P .. 'closing', id) else write('ZADD', P .. 'closing', ends, id) end
  end
  flush()
end
