-- Writes tasks of the first release in this one's shape, puts them where they stand, and removes what they were. One that
-- another process has written meanwhile is left alone. ARGV: 3 how many; of each how many arguments follow and then
--   1 id, 2 key, 3 subject, 4 type, 5 status, 6 place (ready, delayed, held, ended), 7 provider, 8 rank, 9 number among the key's
--   tasks, 10 when it is due, 11 when somebody must look at it, 12 batch, 13 set of ended tasks or '', 14 its end, 15 held money,
--   16 moment of its making, 17 fields, 18 due work; then names and texts, and of each item kind, id, destination, payload, moments
--   of its making and its end, tries, fence, when it is due, whether somebody holds it (0/1).
-- One with nothing but an id could not be read: it is set aside.

if rcall('EXISTS', B .. 'reader') == 1 then return 0 end
local destinations = {}
local function convert(a)
  local id, key, subject, type, status, to = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  if rcall('EXISTS', B .. 'task:' .. id) == 0 then return end
  if not key then return end
  local k, s = load_key(key), load_subject(key, subject)
  queue_of(k, type)
  touch(k, type, 1)
  local fields, works = ARGV[a + 16] * 2, tonumber(ARGV[a + 17])
  local b = a + 17 + fields
  write('HSET', P .. 'task:' .. id, 'no', ARGV[a + 8], 'rev', ARGV[2], unpack(ARGV, a + 18, b))
  if status == 'running' then k.running = k.running + 1 end
  if status == 'queued' then count_waiting(k, s, 1) end
  if to == 'ready' then
    make_ready(k, type, token_of(ARGV[a + 6]), tonumber(ARGV[a + 7]), ARGV[a + 8], id)
  elseif to == 'delayed' then
    zadd('delayed:' .. type, ARGV[a + 9], id)
  elseif to == 'held' then
    local lane = load_lane(type)
    lane.held, lane.changed = lane.held + 1, true
  end
  if ARGV[a + 10] ~= '' then zadd('wake:' .. type, ARGV[a + 10], id) end
  list_under(k, s, id, list_score(id, status, type))
  if ARGV[a + 11] ~= '' then zadd('batch:' .. scoped(key, ARGV[a + 11]), '0', id) end
  if ARGV[a + 12] ~= '' then zadd(ARGV[a + 12], ARGV[a + 13], id) end
  if ARGV[a + 14] ~= '0' then
    move_money(key, '', 'total', tonumber(ARGV[a + 14]), 0)
    zadd('holds:' .. key, ARGV[a + 15], 'task/' .. id)
  end
  for i = 1, works do
    local kind, work, destination, held = ARGV[b + 1], ARGV[b + 2], ARGV[b + 3], ARGV[b + 10] == '1'
    write('HSET', work_key(kind, work), 'destination', destination, 'taskId', id, 'payload', ARGV[b + 4],
      'createdAt', ARGV[b + 5], 'giveUpAt', ARGV[b + 6], 'tries', ARGV[b + 7], 'fence', ARGV[b + 8])
    write('ZADD', held and held_set(kind, destination) or due_set(kind, destination), ARGV[b + 9], work)
    if not held then write('ZADD', P .. 'ends:' .. kind, ARGV[b + 6], work) end
    hset('task:' .. id, 'work ' .. kind .. ' ' .. work, destination)
    destinations[#destinations + 1] = { kind, destination }
    b = b + 10
  end
  write('UNLINK', B .. 'task:' .. id, B .. 'cleanup:' .. id)
end

local from = 4
for _ = 1, tonumber(ARGV[3]) do
  local a = from + 1
  from = a + ARGV[from]
  if from - a == 1 then
    rcall('RENAME', B .. 'task:' .. ARGV[a], P .. 'set-aside:task:' .. ARGV[a])
    rcall('PEXPIRE', P .. 'set-aside:task:' .. ARGV[a], 'SET_ASIDE_MS')
    count_unreadable()
  else
    convert(a)
  end
end
flush()
for _, one in ipairs(destinations) do rescore(one[1], one[2]) end
return 1
