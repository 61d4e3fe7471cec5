-- Prolongs leases; answers the ids of those that were lost. ARGV: 3 lease in ms, then task and fence of each.
-- Sent again it does the same: the first moment counts no less than the second.

local lost, until_text = {}, exact(now + ARGV[3])
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local f = redis.pcall('HMGET', P .. 'task:' .. id, 'fence', 'leaseUntil', 'deadlineAt', 'type')
  if f[1] == ARGV[i + 1] and f[2] then
    rcall('HSET', P .. 'task:' .. id, 'leaseUntil', until_text)
    rcall('ZADD', P .. 'wake:' .. (f[4] or 'image'), exact(min(until_text, f[3])), id)
  else
    lost[#lost + 1] = id
  end
end
return lost
