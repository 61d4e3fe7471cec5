-- For how many ms the oldest of a lane's tasks has waited for its first start, '' when none does. Of a bounded number of keys, and
-- of the first tasks of their lists: those that are to be started again come first and do not count. ARGV: 3 lane

local oldest
for token in load_lane(ARGV[3]).providers:gmatch('%S+') do
  for _, id in ipairs(rcall('ZRANGE', turns_of(ARGV[3], token), 0, MAX_COUNTED_KEYS)) do
    local n = counts_of(queue_of(load_key(id), ARGV[3]), token)
    for rank = 1, 3 do
      local heads = n[1 + rank] > 0 and rcall('ZRANGE', P .. ready_list(ARGV[3], rank, token, id), 0, 9) or {}
      for _, task in ipairs(heads) do
        local f = redis.pcall('HMGET', P .. 'task:' .. task, 'startedAt', 'createdAt')
        if not f.err and not f[1] then
          local at = tonumber(f[2] or '')
          if at then oldest = min(oldest or at, at) end
          break
        end
      end
    end
  end
end
return oldest and exact(max(0, now - oldest)) or ''
