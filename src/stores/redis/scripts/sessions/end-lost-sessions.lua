-- Ends sessions whose lease ran out, unsettled, under a fence of their own; one that nobody settled comes again.
-- ARGV: 3 how many at most, 4 reason, 5 ms until it comes again. Answers them.

local ids = {}
local function take(id, ended)
  local f = rcall('HMGET', session_key(id), 'keyId', 'fence')
  if not f[1] or not f[2] then
    rcall('ZREM', P .. 'sessions-open', id)
    rcall('ZREM', P .. 'sessions-lost', id)
    count_unreadable()
    return
  end
  local fence = exact(f[2] + 1)
  if ended then
    rcall('HSET', session_key(id), 'fence', fence)
  else
    close_session(id, f[1], fence, ARGV[4])
  end
  rcall('ZADD', P .. 'sessions-lost', exact(now + ARGV[5]), id)
  ids[#ids + 1] = id
end

if repeated then
  ids = cjson.decode(repeated)
else
  for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'sessions-lost', '-inf', now_text, 'LIMIT', 0, ARGV[3])) do take(id, true) end
  local left = ARGV[3] - #ids
  for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'sessions-open', '-inf', now_text, 'LIMIT', 0, left)) do take(id, false) end
  if TOLD_SESSION_ENDS > 0 then make_writes() end
  if ids[1] then remember(cjson.encode(ids)) end
end
local sessions = {}
for i, id in ipairs(ids) do sessions[i] = tell_session(id) end
return sessions
