-- Removes rows that were sent, or pauses the outbox. Answers 0 when the lease was lost. ARGV: 3 fence, 4 number of the first
-- row, 5 how many, 6 ms until they are handed out again, or '' when they were sent

if repeated then return 1 end
local state, list = P .. 'outbox-state', P .. 'outbox'
local f = rcall('HMGET', state, 'fence', 'pausedUntil', 'head')
if f[1] ~= ARGV[3] or (f[2] or '0') == '0' then return 0 end
if ARGV[6] == '' then
  -- Some of them may have fallen out meanwhile.
  local gone = min(ARGV[4] + ARGV[5] - (f[3] or 0), rcall('LLEN', list))
  if gone > 0 then
    rcall('LTRIM', list, exact(gone), '-1')
    rcall('HINCRBY', state, 'head', exact(gone))
  end
  rcall('HSET', state, 'pausedUntil', '0', 'failures', '0')
else
  rcall('HSET', state, 'pausedUntil', exact(now + max(1, tonumber(ARGV[6]))))
  rcall('HINCRBY', state, 'failures', '1')
  rcall('HINCRBY', state, 'fence', '1')
end
remember('1')
return 1
