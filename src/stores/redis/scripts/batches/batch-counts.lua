-- Batches: tasks that were accepted together, and how many of them have which status. A record is a hash: `keyId`, `subject`,
-- `details` (JSON: what its readers see of what never changes, without its last brace), `webhook` (JSON), `createdAt`, `cancelledAt`,
-- `finishedAt`, and a counter for each status.

local batches = {}
local function load_batch(id)
  local b = batches[id]
  if b ~= nil then return b end
  local f = redis.pcall('HMGET', P .. 'batch-record:' .. id,
    'keyId', 'queued', 'running', 'completed', 'failed', 'cancelled', 'finishedAt')
  b = {
    key = f[1], queued = tonumber(f[2] or ''), running = tonumber(f[3] or ''), completed = tonumber(f[4] or ''),
    failed = tonumber(f[5] or ''), cancelled = tonumber(f[6] or ''), ended = f[7],
  }
  if f.err or not (b.key and b.queued and b.running and b.completed and b.failed and b.cancelled) then
    if f.err or b.key then count_unreadable() end
    b = false
  end
  batches[id] = b
  return b
end

-- A moment as ISO 8601 in UTC: days are counted from the 1st of March of year 0, so that leap days come last.
local function iso_time(ms)
  local floor = math.floor
  local days, rest = floor(ms / 86400000) + 719468, ms % 86400000
  local era = floor(days / 146097)
  local of_era = days - era * 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * of_year + 2) / 153)
  local day = of_year - floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year + era * 400 + (month <= 2 and 1 or 0), month, day,
    floor(rest / 3600000), floor(rest / 60000) % 60, floor(rest / 1000) % 60, rest % 1000)
end

-- Leaves word of the batch's end for webhooks, in its read shape (toWireBatch in src/tasks/batches/wire.ts).
local function announce_batch(id, b, k)
  local f = rcall('HMGET', P .. 'batch-record:' .. id, 'details', 'webhook', 'createdAt', 'cancelledAt')
  local total = b.completed + b.failed + b.cancelled
  local body = '{"data":' .. (f[1] or '{"taskIds":[],"metadata":{}') .. ',"batchId":"' .. id .. '","status":"'
    .. (f[4] and b.cancelled > 0 and 'cancelled' or 'completed') .. '","counts":{"queued":0,"running":0,"completed":'
    .. exact(b.completed) .. ',"failed":' .. exact(b.failed) .. ',"cancelled":' .. exact(b.cancelled) .. ',"total":' .. exact(total)
    .. '},"created":"' .. iso_time(tonumber(f[3]) or 0) .. '","finishedAt":"' .. iso_time(now) .. '"}}'
  local own = f[2] and cjson.decode(f[2])
  leave_deliveries(k, { id = id, key = b.key, subject = '', task = '', seq = '0', type = 'batch.completed', body = body },
    own and own.url or '', own and next(own.headers) and cjson.encode(own.headers) or '{}')
end

-- Counts a task that changed its status; `id` is nil or '' for a task of no batch. `k` is its
-- key where the script has loaded it. Ends the batch with its last task. A batch that is gone, or cannot be read, is passed over.
local function move_in_batch(id, from, to, k)
  local b = id and id ~= '' and from ~= to and load_batch(id)
  if not b then return end
  local name = 'batch-record:' .. id
  b[from], b[to] = b[from] - 1, b[to] + 1
  hset(name, from, exact(b[from]))
  hset(name, to, exact(b[to]))
  if b.ended or b.queued + b.running > 0 then return end
  b.ended = now_text
  hset(name, 'finishedAt', now_text)
  zadd('batch-ends', now_text, id)
  announce_batch(id, b, k)
end
