-- Creating tasks: key, idempotency, queue limit and budgets are looked at and the task is written, all at once. A creation is
-- a list of texts:
--   1 id, 2 key, 3 subject, 4 type, 5 rank of its priority, 6 provider, 7 customer, 8 reserved, 9 windows of its hold but for the day, 10 most
--   queued, 11 longest wait in ms, 12 batch or '', 13 and 14 epochs for key and subject, 15 the event's JSON as far as it is
--   known, 16 idempotency key or '', 17 fingerprint, 18 JSON of the claim as far as it is known, 19 ttl, 20 only if ended within
--   or '', 21 take over (0/1), 22 fields to set, 23 moments to set; then names and texts, names and ms from now; and at
--   the end the row for the outbox, if there is one.

-- Tasks and idempotency claims of the calls before in this script.
local made, claimed, calls = {}, {}, {}
-- The revision of what is made: the sign says that the caller has the record as it is (is_known in parts/tasks/claim-order.lua).
local made_rev = ARGV[2] .. '+'

-- Answers why the task is not made, or nil. Changes nothing, so that it may fail.
local function refusal(c)
  local id, key, subject = c[1], c[2], c[3]
  if made[id] then
    local first = calls[made[id]]
    return first[2] == key and first[3] == subject and { 'again', made[id] } or { 'id_taken' }
  end

  -- Sent again, because the answer was lost.
  local t = rcall('EXISTS', P .. 'task:' .. id) == 1 and load_task(id)
  if t then
    if t[T_keyId] ~= key or t[T_subject] ~= subject then return { 'id_taken' } end
    return { 'replayed', answer_views({ view(t) }, key) }
  end

  local k = load_key(key)
  local s = load_subject(key, subject)
  if k.broken or (s and s.broken) then return { 'unreadable' } end
  local refused = refused_key(k)
  if refused then return refused end

  local once = c[16] ~= '' and P .. 'once:' .. scoped(key, scoped(subject, c[16]))
  c.once = once
  if once and c[21] ~= '1' then
    if claimed[once] then
      if claimed[once].fingerprint ~= c[17] then return { 'conflict' } end
      return { 'again', claimed[once].index }
    end
    local text = rcall('GET', once)
    local holder = text and cjson.decode(text)
    local first = holder and tonumber(holder['until']) > now and load_task(holder.taskId)
    local ended = first and first[T_finishedAt]
    local too_old = ended and c[20] ~= '' and now - ended > tonumber(c[20])
    if first and not too_old then
      if holder.fingerprint ~= c[17] then return { 'conflict' } end
      return { 'replayed', answer_views({ view(first) }, key) }
    end
  end

  refused = refused_rate(k)
  if refused then return refused end
  if k.waiting >= tonumber(c[10]) then return with_rate(k, { 'queue_full', k.waiting }) end
  return with_rate(k, exceeded_budget(k, c[7], tonumber(c[8])))
end

local function create(c)
  local id, key, subject, type, once = c[1], c[2], c[3], c[4], c.once
  local k, s = load_key(key), load_subject(key, subject)
  queue_of(k, type)
  open_tenant(k, c[13])
  if s then open_tenant(s, c[14]) end

  local event = log_event(id, 'e1', c[15], k, s)
  -- Its number among the key's tasks is the position of its first event.
  local no = k.seq_text
  local b = 23 + c[22] * 2
  local last = b + c[23] * 2
  if OUTBOX_ROWS > 0 and c[last + 1] then post(c[last + 1]) end
  for i = b + 2, last, 2 do c[i] = moment_in(c[i]) end
  local reserved, windows = tonumber(c[8]), nil
  if reserved > 0 then
    windows = windows_now(c[9])
    c[last + 1], c[last + 2] = 'windows', windows
    last = last + 2
  end
  if c[12] ~= '' then zadd('batch:' .. scoped(key, c[12]), '0', id) end
  if once then
    write('SET', once, c[18] .. ',"until":' .. moment_in(c[19]) .. '}', 'PX', c[19])
  end
  -- The fields stand there already; what is before them has been looked at.
  c[16], c[17], c[18], c[19], c[20], c[21], c[22], c[23] = 'HSET', P .. 'task:' .. id, 'no', no, 'rev', made_rev, 'e1', event
  write_part(c, 16, last)
  if windows then hold_money(key, c[7], windows, 'task/' .. id, reserved) end
  count_waiting(k, s, 1)
  make_ready(k, type, token_of(c[6]), tonumber(c[5]), no, id)
  list_under(k, s, id, list_score(id, 'queued', type))
  zadd('wake:' .. type, moment_in(c[11]), id)
  return { 'created', now_text, made_rev, places_of('', k, s), take_request(k) }
end

-- Makes the task of the creation, which is the script's `index`th: answers { 'created', … }, and true; or why it is not made.
local function make(index, c)
  calls[index] = c
  local looked, refused = pcall(refusal, c)
  if not looked then
    count_unreadable()
    refused = { 'unreadable' }
  end
  if refused then return refused, false end
  if c.once then claimed[c.once] = { fingerprint = c[17], index = index } end
  local reply = create(c)
  made[c[1]] = index
  return reply, true
end
