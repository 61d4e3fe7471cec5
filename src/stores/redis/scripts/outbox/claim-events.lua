-- Hands out the oldest rows of the outbox. ARGV: 3 lease in ms, 4 how many at most, 5 how many bytes at most (but one row).
-- Answers fence, number of the first row, failures in a row and the rows; nothing when there are none, or it is paused.

local state, list = P .. 'outbox-state', P .. 'outbox'
local f = rcall('HMGET', state, 'fence', 'pausedUntil', 'failures', 'head')

local function answer(fence, count)
  return { fence, f[4] or '0', f[3] or '0', rcall('LRANGE', list, '0', exact(count - 1)) }
end

if repeated then
  local before = cjson.decode(repeated)
  return f[1] == before[1] and answer(before[1], before[2]) or {}
end
if tonumber(f[2] or 0) > now then return {} end

-- The bound may be a lower one than that of another process, or of the last start.
local excess = rcall('LLEN', list) - OUTBOX_ROWS
if excess > 0 then
  rcall('LTRIM', list, exact(excess), '-1')
  f[4] = exact(rcall('HINCRBY', state, 'head', exact(excess)))
  rcall('HINCRBY', state, 'dropped', exact(excess))
end

local left, count = tonumber(ARGV[5]), 0
for _, row in ipairs(rcall('LRANGE', list, '0', exact(ARGV[4] - 1))) do
  left = left - #row
  if left < 0 and count > 0 then break end
  count = count + 1
end
if count == 0 then return {} end
local fence = exact(rcall('HINCRBY', state, 'fence', '1'))
rcall('HSET', state, 'pausedUntil', exact(now + ARGV[3]))
remember(cjson.encode({ fence, count }))
return answer(fence, count)
