-- Creates tasks: key, idempotency and queue limit are looked at and the task is written, all at once. ARGV: 3 how many; of each
-- how many arguments follow and then
--   1 id, 2 key, 3 subject, 4 type, 5 rank of its priority, 6 provider, 7 customer, 8 reserved, 9 windows of its hold, 10 most
--   queued, 11 longest wait in ms, 12 batch or '', 13 and 14 epochs for key and subject, 15 the event's JSON as far as it is
--   known, 16 idempotency key or '', 17 fingerprint, 18 JSON of the claim as far as it is known, 19 ttl, 20 only if ended within
--   or '', 21 take over (0/1), 22 fields to set, 23 moments to set; then names and texts, names and ms from now.
-- Answers of each { 'created', moment, key's epoch and position, subject's, who follows, revision }, { 'replayed', view },
-- { 'conflict' }, { 'queue_full', how many }, { 'key_refused', why }.

-- Tasks and idempotency claims of the calls before in this script.
local made, claimed = {}, {}

local function create(a)
  local id, key, subject, type = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3]
  if made[id] then return { 'again', made[id] } end

  -- Sent again, because the answer was lost.
  local t = rcall('EXISTS', P .. 'task:' .. id) == 1 and load_task(id)
  if t then
    if t[T_keyId] ~= key or t[T_subject] ~= subject then return redis.error_reply('ERR the task id is taken') end
    return { 'replayed', answer_views({ view(t) }, key) }
  end

  local k = load_key(key)
  if k.broken then return redis.error_reply('ERR the key cannot be read') end
  if not k.on then return { 'key_refused', 'unknown' } end
  if k.on ~= '1' then return { 'key_refused', 'disabled' } end
  if k.ends and k.ends ~= '' and tonumber(k.ends) <= now then return { 'key_refused', 'expired' } end

  local once = ARGV[a + 15] ~= '' and P .. 'once:' .. scoped(key, scoped(subject, ARGV[a + 15]))
  if once and ARGV[a + 20] ~= '1' then
    if claimed[once] then
      if claimed[once].fingerprint ~= ARGV[a + 16] then return { 'conflict' } end
      return { 'again', claimed[once].index }
    end
    local text = rcall('GET', once)
    local holder = text and cjson.decode(text)
    local first = holder and tonumber(holder['until']) > now and load_task(holder.taskId)
    local ended = first and first[T_finishedAt]
    local too_old = ended and ARGV[a + 19] ~= '' and now - ended > tonumber(ARGV[a + 19])
    if first and not too_old then
      if holder.fingerprint ~= ARGV[a + 16] then return { 'conflict' } end
      return { 'replayed', answer_views({ view(first) }, key) }
    end
  end

  if k.waiting >= tonumber(ARGV[a + 9]) then return { 'queue_full', k.waiting } end

  local s = load_subject(key, subject)
  queue_of(k, type)
  open_tenant(k, ARGV[a + 12])
  if s then open_tenant(s, ARGV[a + 13]) end

  local event = log_event(id, 'e1', ARGV[a + 14], k, s)
  -- Its number among the key's tasks is the position of its first event.
  local no = exact(k.seq)
  local plain, moments = ARGV[a + 21] * 2, ARGV[a + 22] * 2
  local b = a + 22 + plain
  local set = { 'HSET', P .. 'task:' .. id, 'no', no, 'rev', ARGV[2], 'e1', event, unpack(ARGV, a + 23, b) }
  local n = 8 + plain
  for i = 1, moments, 2 do
    set[n + i], set[n + i + 1] = ARGV[b + i], ARGV[b + i + 1] == '0' and now_text or exact(now + ARGV[b + i + 1])
  end
  write_all(set)
  if ARGV[a + 11] ~= '' then zadd('batch:' .. scoped(key, ARGV[a + 11]), '0', id) end
  if once then
    write('SET', once, ARGV[a + 17] .. ',"until":' .. exact(now + ARGV[a + 18]) .. '}', 'PX', ARGV[a + 18])
  end
  hold_money(key, k.name, ARGV[a + 6], ARGV[a + 8], 'task/' .. id, tonumber(ARGV[a + 7]))
  count_waiting(k, s, 1)
  make_ready(k, type, token_of(ARGV[a + 5]), tonumber(ARGV[a + 4]), no, id)
  list_under(k, s, id, list_score(id, 'queued', type))
  zadd('wake:' .. type, exact(now + ARGV[a + 10]), id)
  return { 'created', now_text, k.epoch, k.seq, s and s.epoch or '', s and s.seq or '', followed_by('', k, s), ARGV[2] }
end

local replies, from = {}, 4
for i = 1, tonumber(ARGV[3]) do
  local a = from + 1
  from = a + ARGV[from]
  replies[i] = create(a)
  if replies[i].err then return replies[i] end
  if replies[i][1] == 'created' then
    made[ARGV[a]] = i
    if ARGV[a + 15] ~= '' then
      local once = P .. 'once:' .. scoped(ARGV[a + 1], scoped(ARGV[a + 2], ARGV[a + 15]))
      claimed[once] = { fingerprint = ARGV[a + 16], index = i }
    end
  end
end
flush()
-- A repetition within this script is answered with what was made.
for i, reply in ipairs(replies) do
  if reply[1] == 'again' then
    local a = 4
    for _ = 1, reply[2] - 1 do a = a + 1 + ARGV[a] end
    local t = load_task(ARGV[a + 1])
    replies[i] = { 'replayed', answer_views({ view(t) }, t[T_keyId]) }
  end
end
return replies
