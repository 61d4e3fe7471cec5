-- Prolongs leases; answers the ids of those that were lost. ARGV: 3 lease in ms, then task and fence of each.
-- Sent again it does the same: the first moment counts no less than the second.

local lost, until_text = {}, exact(now + ARGV[3])
for i = 4, #ARGV, 2 do
  local t = load_line(ARGV[i])
  if t and t.fence == ARGV[i + 1] and t.lease ~= '-' then
    t.lease = until_text
    save_task(t)
    rcall('ZADD', P .. 'wake:' .. t.type, min(t.lease, t.deadline), t.id)
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
