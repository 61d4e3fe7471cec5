-- Ends an item of due work, or puts it off. Answers 0 when it was taken over, changed or ended.
-- ARGV: 3 kind, 4 id, 5 fence, 6 ms until it comes again or '' when it is done, 7 ms its destination is paused

if repeated then return 1 end
local kind, id = ARGV[3], ARGV[4]
local destination, task = held_work(kind, id, ARGV[5])
if not destination then return 0 end
if ARGV[6] == '' then
  remove_work(kind, id, destination, task)
else
  local rests = tonumber(rcall('HGET', P .. 'rests:' .. kind, destination) or 0)
  local until_ms = now + ARGV[7]
  if until_ms > now and until_ms > rests then rcall('HSET', P .. 'rests:' .. kind, destination, exact(until_ms)) end
  rcall('ZREM', held_set(kind, destination), id)
  rcall('ZADD', due_set(kind, destination), exact(now + max(0, tonumber(ARGV[6]))), id)
  rcall('ZADD', P .. 'ends:' .. kind, rcall('HGET', work_key(kind, id), 'giveUpAt'), id)
  rescore(kind, destination)
end
remember('1')
return 1
