-- Deliveries of webhooks. A record is a hash; its work item, of the kind `delivery`, has the same id. Sets name the records by
-- when what they tell of happened: `deliveries:<key and endpoint>:<status>`, those of a key with the endpoint empty, and all of
-- them with both empty. The task's hash names its deliveries (`delivery <id>`), so that they go with it.

local STATUSES = { 'pending', 'delivered', 'dead' }

local function delivery_set(key, endpoint, status)
  return 'deliveries:' .. scoped(key, endpoint) .. ':' .. status
end

-- The sets that name a record.
local function delivery_sets(key, endpoint, status)
  return { delivery_set('', '', status), delivery_set(key, '', status), endpoint ~= '' and delivery_set(key, endpoint, status) or nil }
end

-- Whether a webhook with these events, as a JSON list, hears of a type; one that names none hears of the three ends.
local function wants(events, type)
  if not events or events == '[]' then return type == 'task.completed' or type == 'task.failed' or type == 'task.cancelled' end
  return events:find('"' .. type .. '"', 1, true)
end

-- A key's endpoints that are on: id, URL and events of each. Read once in a script.
local endpoints_known = {}
local function endpoints_of(key)
  local found = endpoints_known[key]
  if found then return found end
  found = {}
  local ids = redis.pcall('ZRANGE', P .. 'endpoints:' .. key, '0', '-1')
  if ids.err then
    count_unreadable()
    ids = {}
  end
  for _, id in ipairs(ids) do
    local f = redis.pcall('HMGET', P .. 'endpoint:' .. scoped(key, id), 'enabled', 'url', 'events')
    if not f.err and f[1] ~= 'false' and f[2] then found[#found + 1] = { id, cjson.decode(f[2]), f[3] } end
  end
  endpoints_known[key] = found
  return found
end

local function leave_delivery(m, endpoint, url, headers)
  local id = endpoint == '' and m.id or m.id .. '-' .. endpoint
  local at = P .. 'delivery:' .. id
  if rcall('EXISTS', at) == 1 then return end
  write('HSET', at, 'keyId', m.key, 'subject', m.subject, 'taskId', m.task, 'endpointId', endpoint, 'url', url,
    'headers', headers, 'type', m.type, 'seq', m.seq, 'at', now_text, 'body', m.body, 'status', 'pending', 'nextAt', now_text)
  for _, set in ipairs(delivery_sets(m.key, endpoint, 'pending')) do zadd(set, now_text, id) end
  if m.task ~= '' then hset('task:' .. m.task, 'delivery ' .. id, '1') end
  add_work('delivery', id, match(url, '^%a+://[^/?#]+') or url, m.task, 'null', DELIVERY_MS)
end

-- Leaves a delivery for every endpoint of the key that wants messages of the type, and for the webhook that was named with what
-- is told of ('' = none). `m` is the message: id, key, type, body (JSON), and of a task subject, task and seq ('', '', '0' = of none).
-- `k` is the key where the script has loaded it: a key without endpoints says so.
local function leave_deliveries(k, m, own_url, own_headers)
  if own_url ~= '' then leave_delivery(m, '', own_url, own_headers) end
  if k and not k.hooks then return end
  for _, e in ipairs(endpoints_of(m.key)) do
    if wants(e[3], m.type) then leave_delivery(m, e[1], e[2], '{}') end
  end
end

-- Leaves what webhooks hear of a task's start, which a claim decides here.
local function leave_started(k, t)
  local own, spec = nil, t[T_spec]
  if spec and spec:find('"webhook":', 1, true) then
    own = cjson.decode(spec).webhook
    if type(own) ~= 'table' or not wants(cjson.encode(own.events), 'task.started') then own = nil end
  end
  if not own and not k.hooks then return end
  local headers = own and next(own.headers) and cjson.encode(own.headers) or '{}'
  leave_deliveries(k, {
    id = t[T_id] .. '-' .. t[T_seq], key = t[T_keyId], subject = t[T_subject], task = t[T_id], seq = t[T_seq],
    type = 'task.started',
    body = '{"task":{"status":"running","progress":' .. t[T_progress] .. ',"message":null,"attempt":' .. t[T_attempt] .. '}}',
  }, own and own.url or '', headers)
end

-- Writes what a try came to: the JSON of the try as far as its sender knew it ('' = nothing was sent), how long it took in ms,
-- when it comes again ('' = not). Work of an earlier release has no record.
local function note_try(id, status, attempt, ms, next_at, disable)
  local at = P .. 'delivery:' .. id
  local f = redis.pcall('HMGET', at, 'keyId', 'endpointId', 'status', 'attempts', 'at')
  if f.err or not f[1] then return end
  local tries = f[4] or ''
  if attempt ~= '' then
    tries = (tries == '' and '' or tries .. '\n') .. attempt .. ',"at":' .. exact(now - ms) .. '}'
    local _, breaks = tries:gsub('\n', '')
    for _ = MAX_TRIES_KEPT, breaks do tries = match(tries, '\n(.*)$') end
  end
  rcall('HSET', at, 'status', status, 'attempts', tries, 'nextAt', next_at)
  if status ~= f[3] then
    for _, set in ipairs(delivery_sets(f[1], f[2], f[3])) do rcall('ZREM', P .. set, id) end
    for _, set in ipairs(delivery_sets(f[1], f[2], status)) do rcall('ZADD', P .. set, f[5], id) end
  end
  local endpoint = P .. 'endpoint:' .. scoped(f[1], f[2])
  if disable and rcall('EXISTS', endpoint) == 1 then
    rcall('HSET', endpoint, 'enabled', 'false', 'updatedAt', now_text)
  end
end

-- Removes a record; what is to be sent of it is removed with its work.
local function remove_delivery(id)
  local f = redis.pcall('HMGET', P .. 'delivery:' .. id, 'keyId', 'endpointId', 'status', 'taskId')
  rcall('UNLINK', P .. 'delivery:' .. id)
  if f.err or not f[1] then return nil end
  for _, set in ipairs(delivery_sets(f[1], f[2], f[3])) do rcall('ZREM', P .. set, id) end
  return f[4]
end
