-- Whose files are due. Cursors go along the finished tasks, `at id` of the last one done: `expired` is behind the end by the
-- time that files are kept, `untidy` by the time that files without a task's mention are. ARGV: 3 how many of each at most,
-- 4 and 5 those times, 6 the receipt of the last answer, or ''. Answers the tasks of both, and the receipt or ''.

local limit, at = tonumber(ARGV[3]), P .. 'media-cursors'

local function place(text)
  local moment, id = match(text or '0 ', '^(%S+) (.*)$')
  return { tonumber(moment), id }
end

local function behind(a, b)
  return a[1] > b[1] or (a[1] == b[1] and a[2] > b[2])
end

local cursors = { expired = place(rcall('HGET', at, 'expired')), untidy = place(rcall('HGET', at, 'untidy')) }
local done = ARGV[6] == '' and {} or cjson.decode(ARGV[6])
for name, cursor in pairs(cursors) do
  -- Behind a cursor that a wrong clock sent ahead nothing would be due for as long.
  local ahead = cursor[1] > now
  if ahead then cursor = { now, '' } end
  local to = done[name] and place(done[name])
  -- Another process may have been faster: a cursor never goes back.
  local moves = to and behind(to, cursor)
  if moves then cursor = to end
  if ahead or moves then rcall('HSET', at, name, exact(cursor[1]) .. ' ' .. cursor[2]) end
  cursors[name] = cursor
end
for _, id in ipairs(done.unsettled or {}) do rcall('ZREM', P .. 'unsettled', id) end

local function add_ended(found, set, cursor, moment)
  local from, most = 0, #found + limit
  repeat
    local page = rcall('ZRANGEBYSCORE', P .. set, exact(cursor[1]), moment, 'WITHSCORES', 'LIMIT', from, limit)
    for i = 1, #page, 2 do
      local task = { tonumber(page[i + 1]), page[i] }
      if #found < most and behind(task, cursor) then found[#found + 1] = task end
    end
    from = from + limit
  until #found == most or #page < 2 * limit
end

local function ended_behind(cursor, kept)
  local found, ids, moment = {}, {}, exact(now - kept)
  add_ended(found, 'ended', cursor, moment)
  add_ended(found, 'trimmed', cursor, moment)
  table.sort(found, function(a, b) return behind(b, a) end)
  for i = 1, min(limit, #found) do ids[i] = found[i][2] end
  local last = found[#ids]
  return ids, last and exact(last[1]) .. ' ' .. last[2]
end

local expired, expired_to = ended_behind(cursors.expired, ARGV[4])
local ended, ended_to = ended_behind(cursors.untidy, ARGV[5])

local untidy = {}
for _, id in ipairs(ended) do
  local f = redis.pcall('HMGET', P .. 'task:' .. id, 'status', 'fence')
  if f[1] ~= 'completed' or f[2] ~= '1' then untidy[#untidy + 1] = id end
end

-- They enter the other sets when they are settled, which may be behind the cursors.
local unsettled = rcall('ZRANGEBYSCORE', P .. 'unsettled', '-inf', exact(now - ARGV[4]), 'LIMIT', 0, limit - #expired)
for _, id in ipairs(unsettled) do expired[#expired + 1] = id end

if #expired + #ended == 0 then return { {}, {}, '' } end
local receipt = { expired = expired_to, untidy = ended_to, unsettled = unsettled[1] and unsettled }
return { expired, untidy, cjson.encode(receipt) }
