-- Creates a task: key, idempotency and queue limit are looked at and the task is written, all at once.
-- ARGV: 3 id, 4 key, 5 subject, 6 type, 7 rank of its priority, 8 timeout, 9 reserved, 10 bytes of the spec, 11 webhook (0/1),
-- 12 spec, 13 model, 14 batch or '', 15 longest wait, 16 most queued, 17 to 19 epochs for task, key and subject,
-- 20 time in the id, 21 idempotency (0/1), 22 its key, 23 fingerprint, 24 ttl, 25 only if ended within or '',
-- 26 take over (0/1)

local id, key, subject, type = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

-- Sent again, because the answer was lost.
local made = rcall('EXISTS', P .. 'task:' .. id) == 1 and load_task(id)
if made then
  if made.key ~= key or made.subject ~= subject then return redis.error_reply('ERR the task id is taken') end
  return { 'replayed', answer_views({ view(made) }, key) }
end

local k = load_key(key)
if not k.on then return { 'key_refused', 'unknown' } end
if k.on ~= '1' then return { 'key_refused', 'disabled' } end
if k.ends and k.ends ~= '' and tonumber(k.ends) <= now then return { 'key_refused', 'expired' } end

local once = ARGV[21] == '1' and P .. 'once:' .. scoped(key, scoped(subject, ARGV[22]))
if once and ARGV[26] ~= '1' then
  local holder = rcall('GET', once)
  local ends, holder_id, fingerprint = match(holder or '', '^(%S+) (%S+) (.*)$')
  local t = ends and tonumber(ends) > now and load_task(holder_id)
  local too_old = t and ARGV[25] ~= '' and t.finished ~= '-' and now - t.finished > tonumber(ARGV[25])
  if t and not too_old then
    if fingerprint ~= ARGV[23] then return { 'conflict' } end
    return { 'replayed', answer_views({ view(t) }, key) }
  end
end

if k.waiting >= tonumber(ARGV[16]) then return { 'queue_full', k.waiting } end

local s = load_subject(key, subject)
open_tenant(k, ARGV[18])
if s then open_tenant(s, ARGV[19]) end

-- Its number among the key's tasks is the position of its first event.
local no = exact(k.seq + 1)
local fix = concat({ type, ARGV[7], no, now_text, ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[20] }, ' ')
local deadline = exact(now + ARGV[15])
local line = 'queued ' .. now_text .. ' - - ' .. deadline .. ' 0 - 0 ' .. ARGV[7] .. ' - - 0 0 ' .. ARGV[17]
  .. ' 1 0 0 0 - 0 0 0'
local t = {
  id = id, type = type, status = 'queued', rank = ARGV[7], lease = '-', due = '-', no = no, made = ARGV[20], seq = '1',
  events = '0', progress = '0', message = '', texts = false, was_status = 'queued',
}
record(t, 'queued', k, s)
line = line:sub(1, -2) .. '1'
local fields = { 'fix', fix, 'now', line, 'key', key, 'spec', ARGV[12], 'model', ARGV[13], 'e0', t.e0 }
if s then fields[13], fields[14] = 'subject', subject end
if ARGV[14] ~= '' then
  fields[#fields + 1], fields[#fields + 2] = 'batch', ARGV[14]
  rcall('ZADD', P .. 'batch:' .. scoped(key, ARGV[14]), 0, id)
end
rcall('HSET', P .. 'task:' .. id, unpack(fields))
if once then
  rcall('SET', once, concat({ exact(now + ARGV[24]), id, ARGV[23] }, ' '), 'PX', ARGV[24])
end

count(k, 1, ARGV[9], 0)
if s then count(s, 1, ARGV[9], 0) end
relocate(k, t)
local score = list_score(t)
k.ids[#k.ids + 1], k.ids[#k.ids + 2] = score, id
if s then s.ids[#s.ids + 1], s.ids[#s.ids + 2] = score, id end
local scores = wake[type] or {}
scores[#scores + 1], scores[#scores + 2], wake[type] = deadline, id, scores
flush()
return {
  'created', now_text, ARGV[17], k.epoch, k.seq, s and s.epoch or '', s and s.seq or '',
  '0' .. (k.by ~= '' and '1' or '0') .. (s and s.by ~= '' and '1' or '0'),
}
