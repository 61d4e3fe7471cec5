-- Ends tasks past their deadline, makes those whose lease ran out claimable, and gives up cleanup items in time.
-- ARGV: 3 how many of each at most. Answers the ended, how many were made claimable, and whether there is more.

local updates, records, requeued, more = {}, {}, 0, 0
if repeated then
  local counted, ended = match(repeated, '^([^\n]*)\n(.*)$')
  requeued, more = match(counted, '^(%d+) (%d)$')
  for id, ref in ended:gmatch('(%S+) (%S+)') do
    local update = recall_update(id, ref)
    if update ~= '' then updates[#updates + 1] = update end
  end
  return { updates, tonumber(requeued), tonumber(more) }
end

local limit = min(ARGV[3], MAX_STEP_TASKS)
local due = rcall('ZRANGEBYSCORE', P .. 'wake:image', '-inf', now_text, 'LIMIT', 0, limit)
for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'wake:video', '-inf', now_text, 'LIMIT', 0, limit - #due)) do
  due[#due + 1] = id
end
for _, id in ipairs(due) do
  local t = load_task(id)
  if not t then
    -- The server lost it.
    rcall('ZREM', P .. 'wake:image', id)
    rcall('ZREM', P .. 'wake:video', id)
  elseif tonumber(t.deadline) <= now then
    updates[#updates + 1] = overrule(t, 'failed')
    records[#records + 1] = id .. ' ' .. t.ref
  else
    t.unsure = (t.unsure == '1' or t.state == '') and '1' or '0'
    t.lease, t.rank, t.updated = '-', '0', now_text
    commit(t, nil)
    requeued = requeued + 1
  end
end

local over = rcall('ZRANGEBYSCORE', P .. 'cleanup-ends', '-inf', now_text, 'LIMIT', 0, limit)
local given_up = 0
for _, id in ipairs(over) do
  local f = rcall('HMGET', P .. 'cleanup:' .. id, 'held', 'cost')
  -- One that somebody works on is left to them until their time is over too.
  if f[1] ~= '1' or tonumber(rcall('ZSCORE', P .. 'cleanups', id)) <= now then
    local t = load_task(id)
    if not t then
      forget_cleanup(id)
    else
      settle_cleanup(t, t.cancellation == '-' and 'requested' or t.cancellation, tonumber(f[2]) or 0)
    end
    given_up = given_up + 1
  end
end
flush()
more = (#due == limit or given_up == limit) and 1 or 0
if #due + given_up > 0 then remember(requeued .. ' ' .. more .. '\n' .. concat(records, ' ')) end
return { updates, requeued, more }
