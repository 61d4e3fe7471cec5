-- Hands out cleanup items that are due, or whose holder was lost. ARGV: 3 lease in ms, 4 how many at most

local items, records = {}, {}
local function item(id)
  local t = load_task(id)
  if not t then return false end
  local f = rcall('HMGET', P .. 'cleanup:' .. id, 'state', 'late', 'cost', 'tries', 'created', 'end', 'fence')
  items[#items + 1] = { tell(t), f[1], f[2], f[3], f[4], f[5], f[6], f[7] }
  return true
end

if repeated then
  for id, fence, tries in repeated:gmatch('(%S+) (%S+) (%S+)') do
    if rcall('HGET', P .. 'cleanup:' .. id, 'fence') == fence then
      if item(id) then items[#items][5] = tries end
    end
  end
  return items
end

local until_ms = now + ARGV[3]
for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'cleanups', '-inf', now, 'LIMIT', 0, ARGV[4])) do
  local at = P .. 'cleanup:' .. id
  local fence = rcall('HINCRBY', at, 'fence', 1)
  if item(id) then
    local tries = items[#items][5]
    rcall('HSET', at, 'held', 1, 'tries', tries + 1)
    rcall('ZADD', P .. 'cleanups', until_ms, id)
    records[#records + 1] = id .. ' ' .. fence .. ' ' .. tries
  else
    -- The server lost its task.
    rcall('UNLINK', at)
    rcall('ZREM', P .. 'cleanups', id)
    rcall('ZREM', P .. 'cleanup-ends', id)
  end
end
if #items > 0 then remember(concat(records, ' ')) end
return items
