-- Settles a cleanup item, or puts it off. Answers 0 when it was taken over, changed by a late report, or settled.
-- ARGV: 3 task, 4 fence, 5 what became of the job or '' to put it off, 6 the bill or the delay

if repeated then return 1 end
local at = P .. 'cleanup:' .. ARGV[3]
local f = rcall('HMGET', at, 'fence', 'held')
if f[1] ~= ARGV[4] or f[2] ~= '1' then return 0 end
if ARGV[5] == '' then
  rcall('HSET', at, 'held', 0)
  rcall('ZADD', P .. 'cleanups', now + max(0, tonumber(ARGV[6])), ARGV[3])
else
  settle_cleanup(load_task(ARGV[3]), ARGV[5], tonumber(ARGV[6]))
  flush()
end
remember('1')
return 1
