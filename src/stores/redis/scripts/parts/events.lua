-- Events: JSON texts in the task's hash, each in a field of its own (`e` and its number), named by the logs of its key and its
-- subject. Progress is a last value and stands in none of them.

-- What the server knows of an event, behind what its caller wrote of it.
local function event_text(begun, k, s)
  return begun .. ',"at":' .. now_text .. ',"keySeq":' .. k.seq_text .. (s and ',"subjectSeq":' .. s.seq_text or '') .. '}'
end

-- Appends the event to the logs; answers its text. `field` is where it is kept.
local function log_event(id, field, begun, k, s)
  next_position(k)
  local entry = id .. ' ' .. field
  k.log[#k.log + 1] = entry
  if s then
    next_position(s)
    s.log[#s.log + 1] = entry
  end
  return event_text(begun, k, s)
end

-- The score of a task in the sets that lists are read from: status and type, then the time in its id, of 48 bits.
local MOMENTS = 281474976710656
local function score_of(status, type, made)
  return exact((STATUS[status] * 2 + TYPE[type]) * MOMENTS + made)
end

-- Tasks of one script are mostly of few moments.
local scores = {}
local function list_score(id, status, type)
  local same = id:sub(1, 13) .. status .. type
  local score = scores[same]
  if not score then
    score = score_of(status, type, tonumber(id:sub(1, 8) .. id:sub(10, 13), 16) or 0)
    scores[same] = score
  end
  return score
end

local function list_under(k, s, id, score)
  zadd('ids:' .. k.name, score, id)
  if s then zadd('ids:' .. s.name, score, id) end
end

local function count_waiting(k, s, change)
  k.waiting, k.changed = k.waiting + change, true
  if s then s.waiting, s.changed = s.waiting + change, true end
end
