-- Handing out leases: whose turn it is, and the next of its tasks. A task that is missing or cannot be read is passed over.

-- The first tasks of ready lists, with how many of them were taken; `flush` takes them out.
local lists, fetched = {}, 1
local function first_of(name)
  local list = lists[name]
  if not list then
    list = { taken = 0, from = 0, items = {} }
    lists[name] = list
  end
  local index = 2 * (list.taken - list.from) + 1
  if not list.items[index] then
    list.from, index = list.taken, 1
    list.items = rcall('ZRANGE', P .. name, exact(list.from), exact(list.from + fetched - 1), 'WITHSCORES')
  end
  return list.items[index], tonumber(list.items[index + 1])
end

-- The rank to serve next: 0 while the key's virtual time is in the first three quarters of a span
-- (continuesFirst in src/stores/fair-queue.ts), or when nothing waits for a start that may begin; else the priority whose next
-- task would end first, the higher one on a tie.
-- Before that the priorities that had no tasks waiting until now are raised to the least of those that had; when none
-- had, all of them begin at 0 again.
local function pick_rank(q, counts)
  if counts.continuing > 0 and (counts[1] + counts[2] + counts[3] == 0 or q[1] % TURN_SPAN < TURN_SPAN * 3 / 4) then return 0 end
  local least
  for i = 1, 3 do
    if counts[i] > 0 and q[4 + i] == '0' and (not least or q[1 + i] < least) then least = q[1 + i] end
  end
  local best, best_tag
  for i = 1, 3 do
    if not least then
      q[1 + i] = 0
    elseif q[4 + i] == '1' then
      q[1 + i] = max(q[1 + i], least)
    end
    local tag = q[1 + i] + COST[i]
    if counts[i] > 0 and (not best_tag or tag < best_tag) then best, best_tag = i, tag end
  end
  return best
end

-- Delayed tasks that are due by now become ready, a bounded number of them; once in a script, before its first claim.
local promoted = {}
local function promote(type)
  if promoted[type] then return end
  promoted[type] = true
  local due = rcall('ZRANGEBYSCORE', P .. 'delayed:' .. type, '-inf', now_text, 'LIMIT', '0', 'PROMOTE_LIMIT')
  for _, id in ipairs(due) do
    zrem('delayed:' .. type, id)
    local t = load_task(id)
    local k = t and load_key(t[T_keyId])
    local rank = t and (t[T_status] == 'running' and 0 or RANK[t[T_priority]])
    if k and not k.broken and rank then
      make_ready(k, type, token_of(t[T_provider] or ''), rank, t[T_no] or '0', id)
      write('HSET', P .. 'task:' .. id, 'rev', ARGV[2])
      write('HDEL', P .. 'task:' .. id, 'dueAt')
    end
  end
  if due[1] then flush() end
end

-- The number after one that stands as a text, false when that is none. Those of new tasks are mostly the same.
local following = {}
local function next_after(text)
  local next = following[text]
  if next == nil then
    local number = tonumber(text)
    next = number ~= nil and exact(number + 1)
    following[text] = next
  end
  return next
end

-- Whether the numbers that a claim reckons with are some.
local function is_countable(t)
  return next_after(t[T_fence]) and next_after(t[T_attempt]) and next_after(t[T_seq]) and next_after(t[T_progress])
    and next_after(t[T_timeoutMs]) and next_after(t[T_deadlineAt])
end

-- Whether the caller has the record of a revision: it made the task itself, in its `since`th call or a later one. A call's name is
-- what its process is called and the call's number in base 36.
local known_revs = {}
local function is_known(rev, since)
  if TOLD_STARTS > 0 or not since then return false end
  if known_revs[rev] == nil then
    local name, number = ARGV[2]:sub(1, CALLER_LENGTH), rev:sub(CALLER_LENGTH + 1, -2)
    known_revs[rev] = rev:sub(-1) == '+' and rev:sub(1, CALLER_LENGTH) == name and (tonumber(number, 36) or -1) >= since
  end
  return known_revs[rev]
end

-- The next task of a claim, and whether its record is known. The rest of one that is not is read as well; where the one before was
-- not, with one command.
local reads_whole = false
local function load_next(id, since)
  local whole = reads_whole
  local t = whole and load_task(id) or not whole and load_first(id)
  if not t then return nil end
  local known = t[T_status] == 'queued' and is_known(t[T_rev] or '', since)
  if not known and not whole then load_rest(t) end
  reads_whole = not known
  return t, known
end

-- The task under its lease, and its update. Does what the reducer does for a claim (src/tasks/reducer.ts): a field
-- that a claim sets is set in both. Of a task whose record is known to the caller what is set stands in its place: the id, the
-- revision before, names and texts, as lines.
local function hand_out(t, k, type, lease_until, known)
  local id, s, rev, event = t[T_id], load_subject(k.id, t[T_subject]), t[T_rev], ''
  local set
  t[T_fence], t[T_leaseUntil], t[T_updatedAt], t[T_rev] = next_after(t[T_fence]), lease_until, now_text, ARGV[2]
  if t[T_status] == 'queued' then
    t[T_status], t[T_attempt], t[T_attemptStartedAt] = 'running', next_after(t[T_attempt]), now_text
    t[T_seq] = next_after(t[T_seq])
    local field = 'e' .. t[T_seq]
    event = log_event(id, field,
      '{"seq":' .. t[T_seq] .. ',"type":"started","progress":' .. t[T_progress], k, s)
    if not t[T_startedAt] then t[T_startedAt], t[T_deadlineAt] = now_text, moment_in(t[T_timeoutMs]) end
    set = {
      'HSET', P .. 'task:' .. id, field, event, 'fence', t[T_fence], 'leaseUntil', lease_until, 'updatedAt', now_text, 'rev', ARGV[2],
      'status', 'running', 'attempt', t[T_attempt], 'attemptStartedAt', now_text, 'seq', t[T_seq], 'startedAt', t[T_startedAt],
      'deadlineAt', t[T_deadlineAt],
    }
    if t[T_message] then
      write('HDEL', P .. 'task:' .. id, 'message')
      t[T_message] = false
    end
    if TOLD_STARTS > 0 and (TOLD_STARTS == 3 or TOLD_STARTS == TYPE[type] + 1) then post_started(t, type) end
    k.running = k.running + 1
    move_in_batch(t[T_batchId], 'queued', 'running')
    count_waiting(k, s, -1)
    list_under(k, s, id, list_score(id, 'running', type))
    leave_started(k, t)
  else
    set = { 'HSET', P .. 'task:' .. id, 'fence', t[T_fence], 'leaseUntil', lease_until, 'updatedAt', now_text, 'rev', ARGV[2] }
  end
  write_all(set)
  local deadline = tonumber(t[T_deadlineAt])
  zadd('wake:' .. type, deadline < tonumber(lease_until) and t[T_deadlineAt] or lease_until, id)
  local told = known and concat({ id, rev, concat(set, '\n', 5) }, '\n') or t
  return { told, event, places_of(t[T_by], k, s) }
end

-- Of each lane, what is remembered of whose turn it is: of each token the first two keys and their scores (`heads`), and the key
-- that was served last while its new place is not written yet (`unwritten`): as long as it stays first, it need not be.
-- `starts` and `polls`: whether such steps may be claimed.
local turns_known = {}
local function known_turns(type)
  local turns = turns_known[type] or { heads = {}, starts = true, polls = true }
  turns_known[type] = turns
  return turns
end

-- Whether the provider's waiting tasks may not be started now: it is paused, or the claim has no starts left.
local function rests(type, lane, token)
  return not known_turns(type).starts or is_paused(lane, token)
end

-- Whether something of the key's tasks for a provider may be claimed.
local function claimable(type, lane, token, k, n)
  local turns = known_turns(type)
  return turns.polls and n[1] > 0 or not rests(type, lane, token) and startable(k, n)
end

-- Whose turn it is: the key that stands first among the tokens' sets, its score, and the least score of the other tokens.
local function next_turn(type, lane, tokens, turns)
  local heads = turns.heads
  local key, start, other
  for _, token in ipairs(tokens) do
    local head = heads[token]
    if not head then
      if turns.unwritten then
        show(turns.unwritten, type)
        turns.unwritten = nil
      end
      if turns.polls then
        local set = rests(type, lane, token) and polls_of(type, token) or turns_of(type, token)
        head = rcall('ZRANGE', set, '0', '1', 'WITHSCORES')
        head[2], head[4] = tonumber(head[2]), tonumber(head[4])
      else
        head = rests(type, lane, token) and {} or first_to_start(type, token)
      end
      heads[token] = head
    end
    if head[1] then
      local score = head[2]
      if not key or score < start or (score == start and head[1] < key) then
        other = start and min(other or start, start) or other
        key, start = head[1], score
      else
        other = min(other or score, score)
      end
    end
  end
  return key, start, other
end

-- The key was served, which raised its virtual time. In a set where it was first it stays first if it is still before
-- the second key, and else that set is read again; where another key was first, that one still is.
local function moved_on(type, lane, turns, k, q)
  local heads, stays = turns.heads, not k.cap
  for token, head in pairs(heads) do
    if head[1] == k.id then
      local n = counts_of(q, token)
      local on = claimable(type, lane, token, k, n)
      if on and (not head[3] or q[1] < head[4] or (q[1] == head[4] and k.id < head[3])) then
        head[2] = q[1]
      else
        heads[token], stays = nil, false
      end
    end
  end
  if turns.unwritten and turns.unwritten ~= k then show(turns.unwritten, type) end
  if stays then
    turns.unwritten, k.moved[type] = k, true
  else
    show(k, type)
    turns.unwritten = nil
  end
end

-- Where the key's next task of a rank is: the ready list of the provider whose first one is the oldest, that task, and the
-- provider's counts.
local function oldest(type, lane, tokens, key, q, rank)
  local found, found_id, found_no, counts
  for _, token in ipairs(tokens) do
    local n = q.at[token]
    if n and n[1 + rank] > 0 and (rank == 0 or not rests(type, lane, token)) then
      local name = ready_list(type, rank, token, key)
      local id, no = first_of(name)
      if not found or (no and (not found_no or no < found_no)) then
        found, found_id, found_no, counts = name, id, no, n
      end
    end
  end
  return found, found_id, counts
end

-- Keys that were deleted or have expired by now start nothing; the sweep cancels what waits under them. Once in a script.
local stopped
local function stop_closed_keys()
  if stopped then return end
  stopped = true
  for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'closing', '-inf', now_text, 'LIMIT', '0', MAX_STEP_TASKS)) do
    local k = load_key(id)
    if not k.broken and k.cap ~= 0 then
      queue_of(k, 'image')
      queue_of(k, 'video')
      if rcall('HEXISTS', k.at, 'most') == 0 then write('HSET', k.at, 'most', k.cap and exact(k.cap) or '') end
      write('HSET', k.at, 'cap', '0')
      k.cap = 0
      show(k, 'image')
      show(k, 'video')
    end
  end
end

-- Says which kinds of step a claim may still bring. When that changes, other keys stand first.
local function allow(turns, starts, polls)
  if turns.starts == starts and turns.polls == polls then return end
  turns.starts, turns.polls, turns.heads = starts, polls, {}
end

-- Claims what is due in the lane, fairest first, at most `most`, while fewer than `max_held` of the lane are held (nil: no
-- such limit), of the providers in the JSON list (''; all), `max_starts` and `max_polls` of them starts and polls (nil: all may be). `since` is
-- the call since which the caller knows what it made, nil when it knows nothing. Answers the updates, and what to remember of each. What changed
-- is written by `finish_claims` and `flush`.
local function claim_next(type, lease_ms, most, max_held, providers, max_starts, max_polls, since)
  promote(type)
  stop_closed_keys()
  local lane, lease_until = load_lane(type), exact(now + lease_ms)
  local tokens, turns, claims, records = {}, known_turns(type), {}, {}
  if providers == '' then
    for token in lane.providers:gmatch('%S+') do tokens[#tokens + 1] = token end
  else
    for i, provider in ipairs(cjson.decode(providers)) do tokens[i] = token_of(provider) end
  end
  most = min(most, MAX_STEP_TASKS)
  local starts, polls = max_starts or most, max_polls or most
  allow(turns, starts > 0, polls > 0)
  while #claims < most and (not max_held or lane.held < max_held) do
    local key, start, other = next_turn(type, lane, tokens, turns)
    if not key then break end
    local k = load_key(key)
    local q = queue_of(k, type)
    local counts = { 0, 0, 0, continuing = 0 }
    for _, token in ipairs(tokens) do
      local n = q.at[token]
      if n then
        if turns.polls then counts.continuing = counts.continuing + n[1] end
        if not rests(type, lane, token) and (not k.cap or k.running < k.cap) then
          for i = 1, 3 do counts[i] = counts[i] + n[1 + i] end
        end
      end
    end
    if k.broken then
      for _, token in ipairs(tokens) do
        rcall('ZREM', turns_of(type, token), key)
        rcall('ZREM', polls_of(type, token), key)
      end
      turns.heads = {}
    else
      local rank = pick_rank(q, counts)
      local name, id, n
      if rank then name, id, n = oldest(type, lane, tokens, key, q, rank) end
      if not id then
        -- Somebody else wrote here. The sets are the truth and the counts follow them.
        for _, one in ipairs(tokens) do
          local counted = counts_of(q, one)
          for other_rank = 0, 3 do
            local list = ready_list(type, other_rank, one, key)
            counted[1 + other_rank] = rcall('ZCARD', P .. list) - (lists[list] and lists[list].taken or 0)
          end
          counted.turn, counted.poll, turns.heads[one] = nil, nil, nil
        end
        show(k, type)
      else
        local list = lists[name]
        list.taken = list.taken + 1
        -- A key that could not be served while its provider was paused is not served first for that time afterwards.
        local from = other and max(start, min(lane.v, other)) or start
        local cost = rank == 0 and CONTINUATION_COST or COST[rank]
        q[1], n[1 + rank] = from + cost, n[1 + rank] - 1
        if rank > 0 then
          q[1 + rank], counts[rank] = q[1 + rank] + cost, counts[rank] - 1
          for i = 1, 3 do q[4 + i] = counts[i] == 0 and '1' or '0' end
        end
        lane.v, lane.changed = max(lane.v, from), true
        local another = type == 'image' and 'video' or 'image'
        if k.cap then queue_of(k, another) end
        local running, t, known = k.running, load_next(id, since)
        if t and t[T_keyId] == key and is_countable(t) then
          if not known then t[T_dueAt] = false end
          lane.held = lane.held + 1
          claims[#claims + 1] = hand_out(t, k, type, lease_until, known)
          records[#records + 1] = { id, t[T_fence], claims[#claims][2] ~= '' and 'e' .. t[T_seq] or '' }
          if rank > 0 then starts = starts - 1 else polls = polls - 1 end
        else
          -- One that is there is taken out of the rest by the sweep, at the end of its time.
          count_unreadable()
        end
        moved_on(type, lane, turns, k, q)
        allow(turns, starts > 0, polls > 0)
        if k.cap and k.running ~= running then show(k, another) end
      end
    end
  end
  return claims, records
end

-- What was taken is in no ready list any more.
local function finish_claims()
  for name, list in pairs(lists) do
    if list.taken > 0 then write('ZREMRANGEBYRANK', P .. name, '0', exact(list.taken - 1)) end
  end
end
