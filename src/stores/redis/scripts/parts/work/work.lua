-- Due work. An item is a hash; of each kind and destination `due` holds the items that wait by when they are due, and `held`
-- those that somebody works on by the end of their lease. `destinations:<kind>` holds the destinations by when something of
-- them may be claimed next, `ends:<kind>` the items that wait by when they are given up, `rests:<kind>` until when a
-- destination is paused. The task's hash names its items (`work <kind> <id>`), so that they go with it.

local function work_key(kind, id)
  return P .. 'work:' .. kind .. ':' .. id
end

local function due_set(kind, destination)
  return P .. 'due:' .. kind .. ':' .. destination
end

local function held_set(kind, destination)
  return P .. 'held:' .. kind .. ':' .. destination
end

-- Leaves an item, due now. The same id again is the same work.
local function add_work(kind, id, destination, task, payload, give_up_ms)
  local at = work_key(kind, id)
  if rcall('EXISTS', at) == 1 then return end
  local ends = exact(now + give_up_ms)
  write('HSET', at, 'destination', destination, 'taskId', task, 'payload', payload, 'createdAt', now_text,
    'giveUpAt', ends, 'tries', '0', 'fence', '0')
  write('ZADD', due_set(kind, destination), now_text, id)
  write('ZADD', P .. 'ends:' .. kind, ends, id)
  write('ZADD', P .. 'destinations:' .. kind, 'LT', now_text, destination)
  if task ~= '' then hset('task:' .. task, 'work ' .. kind .. ' ' .. id, destination) end
end

-- Writes when something of the destination may be claimed next. With `most`, one that has as many held as may be waits for
-- the first of them.
local function rescore(kind, destination, most)
  local held = held_set(kind, destination)
  local lease = tonumber(rcall('ZRANGE', held, '0', '0', 'WITHSCORES')[2])
  local due = tonumber(rcall('ZRANGE', due_set(kind, destination), '0', '0', 'WITHSCORES')[2])
  local next = lease
  if due and not (most and rcall('ZCARD', held) >= most) then next = lease and min(lease, due) or due end
  local rests = tonumber(rcall('HGET', P .. 'rests:' .. kind, destination) or '')
  if rests and rests <= now then
    rcall('HDEL', P .. 'rests:' .. kind, destination)
    rests = nil
  end
  if next then
    rcall('ZADD', P .. 'destinations:' .. kind, exact(rests and max(rests, next) or next), destination)
  else
    rcall('ZREM', P .. 'destinations:' .. kind, destination)
  end
end

-- Takes the item out of every set, with its name at its task.
local function remove_work(kind, id, destination, task)
  rcall('UNLINK', work_key(kind, id))
  rcall('ZREM', due_set(kind, destination), id)
  rcall('ZREM', held_set(kind, destination), id)
  rcall('ZREM', P .. 'ends:' .. kind, id)
  if task ~= '' then rcall('HDEL', P .. 'task:' .. task, 'work ' .. kind .. ' ' .. id) end
  rescore(kind, destination)
end

-- The item's destination and task, nil unless it is held under this fence.
local function held_work(kind, id, fence)
  local f = rcall('HMGET', work_key(kind, id), 'fence', 'destination', 'taskId')
  if f[1] ~= fence or not rcall('ZSCORE', held_set(kind, f[2]), id) then return nil end
  return f[2], f[3]
end
