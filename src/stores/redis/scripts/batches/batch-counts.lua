-- Batches: tasks that were accepted together, and how many of them have which status. A record is a hash: `keyId`, `subject`,
-- `details` (JSON: what never changes, without its last brace), `createdAt`, `cancelledAt`, `finishedAt`, and a counter for each status.

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

-- Counts a task that changed its status; `id` is nil or '' for a task of no batch. Ends the batch with its last task. A batch that
-- is gone, or cannot be read, is passed over.
local function move_in_batch(id, from, to)
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
end
