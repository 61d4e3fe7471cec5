-- Ends an item of due work, or puts it off. Answers 0 when it was taken over, changed or ended.
-- ARGV: 3 kind, 4 id, 5 fence, 6 ms until it comes again or '' when it is done, 7 ms its destination is paused; of a delivery 8
-- its status now, 9 the try's JSON as far as it is known or '', 10 how long it took in ms, 11 '1' to switch its endpoint off

if repeated then return 1 end
local kind, id = ARGV[3], ARGV[4]
local destination, task = held_work(kind, id, ARGV[5])
if not destination then return 0 end
if ARGV[6] == '' then
  remove_work(kind, id, destination, task)
  if ARGV[8] then note_try(id, ARGV[8], ARGV[9], ARGV[10], '', ARGV[11] == '1') end
else
  local rests = tonumber(rcall('HGET', P .. 'rests:' .. kind, destination) or 0)
  local until_ms = now + ARGV[7]
  if until_ms > now and until_ms > rests then rcall('HSET', P .. 'rests:' .. kind, destination, exact(until_ms)) end
  rcall('ZREM', held_set(kind, destination), id)
  local ends, due_at = rcall('HGET', work_key(kind, id), 'giveUpAt'), now + max(0, tonumber(ARGV[6]))
  rcall('ZADD', due_set(kind, destination), exact(due_at), id)
  rcall('ZADD', P .. 'ends:' .. kind, ends, id)
  if ARGV[8] then
    local next_at = tonumber(ends) > now and min(due_at, tonumber(ends)) or due_at
    note_try(id, ARGV[8], ARGV[9], ARGV[10], exact(next_at), ARGV[11] == '1')
  end
  rescore(kind, destination)
end
remember('1')
return 1
