-- Handing out leases: whose turn it is, and the next of its tasks. A task that the server lost is passed over.

-- The rank to serve next: 0 before all, then the priority whose next task would end first, the higher one on a tie.
-- Before that the priorities that came back from idling are lifted to the least of those that waited; without one that
-- waited, a new busy period begins.
local function pick_rank(q)
  local least
  for i = 1, 3 do
    if q[2 + i] > 0 and q[8 + i] == '0' and (not least or q[5 + i] < least) then least = q[5 + i] end
  end
  local best, best_tag
  for i = 1, 3 do
    if not least then
      q[5 + i] = 0
    elseif q[8 + i] == '1' then
      q[5 + i] = max(q[5 + i], least)
    end
    local tag = q[5 + i] + COST[i]
    if q[2 + i] > 0 and (not best_tag or tag < best_tag) then best, best_tag = i, tag end
  end
  return q[2] > 0 and 0 or best
end

-- Claims what is due in the lane, fairest first, at most `most`, while fewer than `max_held` of the lane are held (nil: no
-- such limit). Answers the updates, and what to remember of each.
local function claim_next(type, lease_ms, most, max_held)
  -- Delayed tasks that are due by now become ready, a bounded number of them.
  local due = rcall('ZRANGEBYSCORE', P .. 'delayed:' .. type, '-inf', now_text, 'LIMIT', '0', 'PROMOTE_LIMIT')
  for _, id in ipairs(due) do
    local t = load_task(id)
    if t then
      local k = load_key(t.key)
      queue_of(k, type)
      t.due, t.rank = '-', t.status == 'running' and '0' or t.priority
      save_task(t)
      make_ready(k, t)
      show(k, type)
    end
  end
  if due[1] then rcall('ZREM', P .. 'delayed:' .. type, unpack(due)) end

  local lane, lease_until = load_lane(type), exact(now + lease_ms)
  local claims, records = {}, {}
  most = min(most, MAX_STEP_TASKS)
  while #claims < most and (not max_held or lane.held < max_held) do
    local turn = rcall('ZRANGE', P .. 'turns:' .. type, '0', '0', 'WITHSCORES')
    if not turn[1] then break end
    local k, start = load_key(turn[1]), tonumber(turn[2])
    local q = queue_of(k, type)
    local rank = pick_rank(q)
    local id = rank and rcall('ZPOPMIN', ready_list(k, type, rank))[1]
    if not id then
      -- Somebody else wrote here. The sets are the truth and the counts follow them.
      for other = 0, 3 do q[2 + other] = rcall('ZCARD', ready_list(k, type, other)) end
      q.shown = start
      show(k, type)
    else
      local cost = rank == 0 and CONTINUATION_COST or COST[rank]
      q[1], q[2 + rank] = start + cost, q[2 + rank] - 1
      if rank > 0 then q[5 + rank] = q[5 + rank] + cost end
      for i = 1, 3 do q[8 + i] = q[2 + i] == 0 and '1' or '0' end
      lane.v, lane.changed = max(lane.v, start), true

      local t, event = load_task(id), nil
      if not t then
        show(k, type)
      else
        t.fence, t.lease, t.due, t.rank, t.updated = exact(t.fence + 1), lease_until, '-', '-', now_text
        if t.status == 'queued' then
          event = 'started'
          t.status, t.attempt = 'running', exact(t.attempt + 1)
          if t.started == '-' then t.started, t.deadline = now_text, exact(now + t.timeout) end
          put(t, 'message', '')
        end
        claims[#claims + 1] = commit(t, event, true)
        records[#records + 1] = id .. ' ' .. t.fence .. ' ' .. t.ref
      end
    end
  end
  return claims, records
end
