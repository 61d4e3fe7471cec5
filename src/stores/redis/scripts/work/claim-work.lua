-- Hands out due work, or work whose holder was lost. ARGV: 3 kind, 4 lease in ms, 5 how many at most, 6 most held of one
-- destination, 7 JSON list of destinations or '' for all. Answers of each item id, destination, task id, payload, moments of its
-- making and its end, tries, fence, whether its time is over, and the task or nil.
--
-- What is past its time comes first, whatever its destination says; then the destinations take turns, those first whose work
-- has waited longest. Of the destinations a bounded number is looked at; one that has nothing to give now is moved on to the
-- moment when it may have, so that the next claim looks at others.

local kind, most, most_held = ARGV[3], min(ARGV[5], MAX_STEP_TASKS), tonumber(ARGV[6])
local items, records = {}, {}

local FIELDS = { 'destination', 'taskId', 'payload', 'createdAt', 'giveUpAt', 'tries', 'fence' }
local function load_work(id)
  local f = redis.pcall('HMGET', work_key(kind, id), unpack(FIELDS))
  return not f.err and f[1] and tonumber(f[5]) and tonumber(f[6]) and tonumber(f[7]) and f or nil
end

local function answer(id, f)
  local overdue = tonumber(f[5]) <= now and 1 or 0
  return { id, f[1], f[2], f[3], f[4], f[5], f[6], f[7], overdue, load_task(f[2]) or false }
end

if repeated then
  for _, record in ipairs(cjson.decode(repeated)) do
    local f = load_work(record[1])
    if f and f[7] == record[2] then
      f[6] = record[3]
      items[#items + 1] = answer(record[1], f)
    end
  end
  return items
end

local lease_until, taken, touched, in_destination = exact(now + ARGV[4]), {}, {}, {}
local function take(id, f)
  taken[id], touched[f[1]] = true, true
  in_destination[f[1]] = (in_destination[f[1]] or 0) + 1
  local tries = f[6]
  f[7] = exact(f[7] + 1)
  items[#items + 1], records[#records + 1] = answer(id, f), { id, f[7], tries }
  write('HSET', work_key(kind, id), 'tries', exact(tries + 1), 'fence', f[7])
  write('ZREM', due_set(kind, f[1]), id)
  write('ZREM', P .. 'ends:' .. kind, id)
  write('ZADD', held_set(kind, f[1]), lease_until, id)
end

for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'ends:' .. kind, '-inf', now_text, 'LIMIT', '0', exact(most))) do
  local f = load_work(id)
  if f then
    take(id, f)
  else
    write('ZREM', P .. 'ends:' .. kind, id)
    count_unreadable()
  end
end

local candidates = {}
if ARGV[7] == '' then
  candidates = rcall('ZRANGEBYSCORE', P .. 'destinations:' .. kind, '-inf', now_text, 'LIMIT', '0', 'MAX_DESTINATIONS')
else
  local scores = {}
  for _, destination in ipairs(cjson.decode(ARGV[7])) do
    local score = tonumber(rcall('ZSCORE', P .. 'destinations:' .. kind, destination) or '')
    if score and score <= now and not scores[destination] then
      candidates[#candidates + 1], scores[destination] = destination, score
    end
  end
  table.sort(candidates, function(a, b)
    return scores[a] < scores[b] or (scores[a] == scores[b] and a < b)
  end)
end

-- Of each destination that is not paused, its items in the order they are due, as many as it has places for.
local lines = {}
for _, destination in ipairs(candidates) do
  touched[destination] = true
  local rests = tonumber(rcall('HGET', P .. 'rests:' .. kind, destination) or '')
  if not rests or rests <= now then
    local lost = rcall('ZRANGEBYSCORE', held_set(kind, destination), '-inf', now_text, 'LIMIT', '0', exact(most), 'WITHSCORES')
    local open = rcall('ZCOUNT', held_set(kind, destination), '(' .. now_text, '+inf')
    local free = most_held - open - (in_destination[destination] or 0)
    local due = rcall('ZRANGEBYSCORE', due_set(kind, destination), '-inf', now_text, 'LIMIT', '0', exact(most), 'WITHSCORES')
    local ids, l, d = {}, 1, 1
    while #ids < free and (lost[l] or due[d]) do
      if lost[l] and (not due[d] or tonumber(lost[l + 1]) <= tonumber(due[d + 1])) then
        ids[#ids + 1], l = lost[l], l + 2
      else
        ids[#ids + 1], d = due[d], d + 2
      end
    end
    lines[#lines + 1] = { destination = destination, ids = ids }
  end
end
local round, more = 1, true
while more and #items < most do
  more = false
  for _, line in ipairs(lines) do
    local id = line.ids[round]
    if id and #items < most then
      more = true
      local f = not taken[id] and load_work(id)
      if f then
        take(id, f)
      elseif not taken[id] then
        write('ZREM', due_set(kind, line.destination), id)
        write('ZREM', held_set(kind, line.destination), id)
        count_unreadable()
      end
    end
  end
  round = round + 1
end
make_writes()
for destination in pairs(touched) do rescore(kind, destination, most_held) end
if #items > 0 then remember(cjson.encode(records)) end
return items
