-- A task as a tenant reads it: besides the task its index among its key's ready tasks of its rank, and the key's queue; both
-- '' for one that does not stand there.

local function view(t)
  if t.rank == '-' then return { tell(t), '', '' } end
  local k = load_key(t.key)
  return { tell(t), rcall('ZRANK', ready_list(k, t.type, t.rank), t.id) or '', k[t.type] or '' }
end

-- How many tasks each other key has ready that may be served now, of a bounded number of keys.
local function others(key, type)
  local counts = {}
  for _, id in ipairs(rcall('ZRANGE', P .. 'turns:' .. type, 0, MAX_COUNTED_KEYS)) do
    if id ~= key then
      local q = rcall('HGET', P .. 'key:' .. id, type) or ''
      local _, a, b, c, d = match(q, '^(%S+) (%S+) (%S+) (%S+) (%S+)')
      counts[#counts + 1] = a and a + b + c + d or 0
    end
  end
  return counts
end

-- Views of one key's tasks, and what the other keys have ready in the lanes where one of them waits.
local function answer_views(views, key)
  local waits = {}
  for _, one in ipairs(views) do
    if one[2] ~= '' then waits[match(one[1][2], '^%S+')] = true end
  end
  return { views, waits.image and others(key, 'image') or {}, waits.video and others(key, 'video') or {} }
end
