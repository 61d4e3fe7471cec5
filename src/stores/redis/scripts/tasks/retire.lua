-- One bounded step of the retention. ARGV: 3 how many of each at most, 4 to 6 how long tasks, events and charges (as the audit
-- log and the names of deleted keys) are kept,
-- 7 the tenant to look at tenants behind, or '', 8 what the epochs of trimmed logs begin with,
-- 9 the node that asks.
-- Answers the removed ids, how many logs were trimmed, whether there is more, and the last tenant looked at ('' = the end).

if repeated then
  local before = cjson.decode(repeated)
  return { before.removed, before.trimmed, before.more, ARGV[7] }
end

local limit = tonumber(ARGV[3])
local function ended_before(set, keep, most)
  return rcall('ZRANGEBYSCORE', P .. set, '-inf', now - keep, 'LIMIT', 0, most)
end

local removed = {}
for _, set in ipairs({ 'trimmed', 'ended' }) do
  for _, id in ipairs(ended_before(set, ARGV[4], limit - #removed)) do
    local t = load_task(id)
    if t then
      remove_task(t)
      removed[#removed + 1] = id
    else
      count_unreadable()
      rcall('UNLINK', P .. 'task:' .. id)
      rcall('ZREM', P .. set, id)
    end
  end
end
-- Removes a task that cannot be read, and gives back what it holds; its batch counts it as failed.
local function remove_unreadable(id)
  local t = load_task(id)
  if t then
    local key, held = t[T_keyId], tonumber(t[T_reservedMicros])
    if held and rcall('ZSCORE', P .. 'holds:' .. key, 'task/' .. id) then
      local f = rcall('HMGET', P .. 'task:' .. id, 'windows', 'spec')
      settle_money(key, customer_of(nil, f[2]), f[1] or 'total', 'task/' .. id, held, 0, '')
    end
    local status = t[T_status]
    if status == 'queued' or status == 'running' then move_in_batch(t[T_batchId], status, 'failed') end
    make_writes()
    remove_task(t)
  else
    rcall('UNLINK', P .. 'task:' .. id)
    rcall('ZREM', P .. 'unreadable-tasks', id)
  end
end
for _, id in ipairs(ended_before('unreadable-tasks', ARGV[4], limit - #removed)) do
  remove_unreadable(id)
  removed[#removed + 1] = id
end

local trimmed = 0
local logs = ended_before('ended', ARGV[5], limit)
for index, id in ipairs(logs) do
  local t, at = load_task(id), P .. 'task:' .. id
  rcall('ZREM', P .. 'ended', id)
  if t then
    for _, field in ipairs(rcall('HKEYS', at)) do
      if match(field, '^e%d+$') then rcall('HDEL', at, field) end
    end
    rcall('HSET', at, 'trimmed', '1', 'epoch', ARGV[8] .. index, 'rev', ARGV[2])
    rcall('ZADD', P .. 'trimmed', t[T_finishedAt], id)
    trimmed = trimmed + 1
  end
end

-- What movements that go charged is added to the opening of their balances, which can so be reckoned from what is left.
local function open_balances(key, texts)
  local at, sums = P .. 'balance:' .. key, {}
  for _, text in ipairs(texts) do
    local readable, m = pcall(cjson.decode, text or '')
    local micros = readable and type(m) == 'table' and tonumber(m.chargedMicros) or 0
    for _, window in ipairs(micros > 0 and (m.windows or { 'total' }) or {}) do
      sums[window] = (sums[window] or 0) + micros
      if m.customer then
        local of = window .. ':' .. m.customer
        sums[of] = (sums[of] or 0) + micros
      end
    end
  end
  for of, micros in pairs(sums) do
    local charged = redis.pcall('HGET', at, 'charged:' .. of)
    if type(charged) == 'string' then redis.pcall('HINCRBY', at, 'opening:' .. of, exact(micros)) end
  end
end

-- A ledger's score is the time of its oldest movement.
local charges = 0
for _, key in ipairs(ended_before('ledgers', ARGV[6], limit)) do
  local old = rcall('ZRANGEBYSCORE', P .. 'movements:' .. key, '-inf', now - ARGV[6], 'LIMIT', 0, limit - charges)
  charges = charges + #old
  if old[1] then
    open_balances(key, rcall('HMGET', P .. 'movement-texts:' .. key, unpack(old)))
    rcall('ZREM', P .. 'movements:' .. key, unpack(old))
    rcall('HDEL', P .. 'movement-texts:' .. key, unpack(old))
  end
  local oldest = rcall('ZRANGE', P .. 'movements:' .. key, 0, 0, 'WITHSCORES')[2]
  if oldest then
    rcall('ZADD', P .. 'ledgers', oldest, key)
  else
    rcall('ZREM', P .. 'ledgers', key)
  end
end

local audit = drop_audit(now - ARGV[6], limit)
local deleted = drop_deleted(now - ARGV[6], limit)

-- Balances of days that are over. One that something is held in stays: it is settled there.
local days = rcall('ZRANGEBYSCORE', P .. 'balance-days', '-inf', '(' .. exact(today - CUSTOMER_DAYS), 'LIMIT', 0, limit)
for _, name in ipairs(days) do
  local window, key, customer = match(name, '^(%S+) (%S+) (.*)$')
  local at, which = P .. 'balance:' .. key, customer == '' and window or window .. ':' .. customer
  local held = redis.pcall('HGET', at, 'reserved:' .. which)
  if type(held) == 'string' and held ~= '0' then
    rcall('ZADD', P .. 'balance-days', exact(today), name)
  else
    redis.pcall('HDEL', at, 'reserved:' .. which, 'charged:' .. which, 'opening:' .. which)
    rcall('ZREM', P .. 'balance-days', name)
  end
end

-- Marks of periods that are over.
local marks = rcall('ZRANGEBYSCORE', P .. 'old-marks', '-inf', now - MARKS_MS, 'LIMIT', 0, limit)
for _, name in ipairs(marks) do
  local key, mark = match(name, '^(%S+) (.*)$')
  rcall('HDEL', P .. 'spend-marks:' .. key, mark)
  rcall('ZREM', P .. 'mark-order:' .. key, mark)
  rcall('ZREM', P .. 'old-marks', name)
end

-- Removes what ended too long ago: its record, and its place in the lists of its key and of its subject. Returns how many there were.
local function remove_ended(ends, record, lists)
  local ids = ended_before(ends, ARGV[4], limit)
  for _, id in ipairs(ids) do
    local f = redis.pcall('HMGET', P .. record .. id, 'keyId', 'subject')
    rcall('UNLINK', P .. record .. id)
    rcall('ZREM', P .. ends, id)
    if f[1] then
      rcall('ZREM', P .. lists .. scoped(f[1], ''), id)
      if f[2] and f[2] ~= '' then rcall('ZREM', P .. lists .. scoped(f[1], f[2]), id) end
    end
  end
  return #ids
end

-- Sums of usage of days that are as old.
local used = rcall('ZRANGEBYSCORE', P .. 'usage-days', '-inf', '(' .. exact(floor((now - ARGV[6]) / DAY_MS)), 'LIMIT', 0, limit)
for _, hash in ipairs(used) do
  rcall('UNLINK', P .. 'usage:' .. hash)
  rcall('ZREM', P .. 'usage-days', hash)
  local first, name = match(hash, '^(%d+):(.*)$')
  local length, rest = match(name, '^(%d+):(.*)$')
  local key, customer = rest:sub(1, length), rest:sub(length + 2)
  local span, later = customer == '' and 1 or USAGE_SPAN, {}
  for day = first + span, today, span do later[#later + 1] = P .. 'usage:' .. usage_hash(day, name) end
  if not later[1] or rcall('EXISTS', unpack(later, 1, min(#later, MOST_VALUES))) == 0 then
    rcall('ZREM', P .. 'usage-payers', name)
  end
end

-- Sessions that are over and settled, and batches that have ended.
local sessions = remove_ended('session-ends', 'session:', 'sessions:')
local ended_batches = remove_ended('batch-ends', 'batch-record:', 'batches:')

-- Deliveries, with what is still to be sent of them.
local deliveries = 0
for _, status in ipairs(STATUSES) do
  local old = ended_before(delivery_set('', '', status), ARGV[4], limit)
  deliveries = max(deliveries, #old)
  for _, id in ipairs(old) do
    local task = remove_delivery(id)
    if task and task ~= '' and rcall('EXISTS', P .. 'task:' .. task) == 1 then
      rcall('HDEL', P .. 'task:' .. task, 'delivery ' .. id)
    end
    rcall('ZREM', P .. delivery_set('', '', status), id)
    local destination = rcall('HGET', work_key('delivery', id), 'destination')
    if destination then remove_work('delivery', id, destination, task or '') end
  end
end

-- Tenants that no living node follows, without tasks and, for the key itself, without a key, and money.
hear_of(ARGV[9])
local from = ARGV[7] == '' and '-' or '(' .. ARGV[7]
local names = rcall('ZRANGEBYLEX', P .. 'tenants', from, '+', 'LIMIT', 0, limit)
for _, name in ipairs(names) do
  local length, rest = match(name, '^(%d+):(.*)$')
  local key, subject = rest:sub(1, length), rest:sub(length + 2)
  local whole = subject == ''
  local at = whole and P .. 'key:' .. key or P .. 'subject:' .. name
  local f = redis.pcall('HMGET', at, 'by', 'on', 'until', 'waiting')
  if f.err then
    count_unreadable()
  else
    local by = f[1] or ''
    local left = living_followers(by)
    -- What waits under a key that has an end, which an earlier version did not write down for the sweep.
    if (f[3] or '') ~= '' and (f[4] or '0') ~= '0' then rcall('ZADD', P .. 'closing', 'NX', f[3], key) end
    local kept = { P .. 'ids:' .. name, whole and P .. 'holds:' .. key, whole and P .. 'movements:' .. key }
    if left == '' and not f[2] and rcall('EXISTS', unpack(kept, 1, whole and 3 or 1)) == 0 then
      rcall('UNLINK', at, P .. 'log:' .. name)
      if whole then rcall('UNLINK', P .. 'balance:' .. key, P .. 'spend-marks:' .. key, P .. 'mark-order:' .. key) end
      rcall('ZREM', P .. 'tenants', name)
    elseif left ~= by then
      rcall('HSET', at, 'by', left)
    end
  end
end
rcall('ZREMRANGEBYSCORE', P .. 'nodes', '-inf', now - NODE_FORGOTTEN_MS)

local most = max(#removed, #logs, charges, audit, deleted, sessions, deliveries, ended_batches, #days, #marks, #used)
local more = most == limit and 1 or 0
if #removed + #logs + audit + deleted + deliveries > 0 then
  remember(cjson.encode({ removed = removed, trimmed = trimmed, more = more }))
end
return { removed, trimmed, more, #names < limit and '' or names[#names] }
