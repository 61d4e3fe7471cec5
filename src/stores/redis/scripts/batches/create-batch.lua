-- Creates the tasks of a batch, all of them or none, with the batch's record. ARGV: 3 the batch, a JSON list of texts: 1 id, 2 key,
-- 3 subject, 4 its details, 5 its webhook (JSON) or '', 6 idempotency key or '', 7 fingerprint, 8 JSON of the claim as far as it is
-- known, 9 ttl, 10 only if ended within or '', 11 take over (0/1); from 4 the creations (parts/tasks/creation.lua), each as JSON, without idempotency keys.
-- Answers { 'created', moment, what the create step answers of each }, { 'replayed', the record }, { 'conflict' }, or { 'refused',
-- which (from 0), why } as the create step says it. What is collected to be written goes nowhere when one is refused.

local batch = cjson.decode(ARGV[3])
local id, key, subject = batch[1], batch[2], batch[3]
local at = P .. 'batch-record:' .. id

-- Sent again, because the answer was lost.
local before = rcall('HGETALL', at)
if before[1] then
  local f = rcall('HMGET', at, 'keyId', 'subject')
  if f[1] ~= key or f[2] ~= subject then return { 'refused', 0, { 'id_taken' } } end
  return { 'replayed', { id, before } }
end

local k = load_key(key)
if k.broken then return { 'refused', 0, { 'unreadable' } } end
local off = refused_key(k)
if off then return { 'refused', 0, off } end
local once = batch[6] ~= '' and P .. 'once:' .. scoped(key, scoped(subject, batch[6]))
if once and batch[11] ~= '1' then
  local outcome, record = repeated_batch(once, batch[7], batch[10])
  if outcome then return { outcome, record } end
end

local replies = {}
for i = 4, #ARGV do
  local reply, done = make(i - 3, cjson.decode(ARGV[i]))
  if not done then return { 'refused', i - 4, reply } end
  replies[i - 3] = reply
end
write('HSET', at, 'keyId', key, 'subject', subject, 'details', batch[4], 'createdAt', now_text, 'queued', exact(#replies),
  'running', '0', 'completed', '0', 'failed', '0', 'cancelled', '0')
if batch[5] ~= '' then write('HSET', at, 'webhook', batch[5]) end
zadd('batches:' .. scoped(key, ''), '0', id)
if subject ~= '' then zadd('batches:' .. scoped(key, subject), '0', id) end
if once then write('SET', once, batch[8] .. ',"until":' .. exact(now + batch[9]) .. '}', 'PX', batch[9]) end
flush()
return { 'created', now_text, replies }
