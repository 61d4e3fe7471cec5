-- A page of a tenant's tasks. ARGV: 3 key, 4 subject or '', 5 task to begin behind or '', 6 how many, 7 how many ranges,
-- 8 'asc' for the oldest first, else the newest; of each range the score to begin and to end with, in that order, and the
-- status and type it is for; then granted ids.
-- A range has one status and type of the tenant, in the order of the time in the ids.

local name, after, wanted = scoped(ARGV[3], ARGV[4]), ARGV[5], tonumber(ARGV[6])
local found, ids = {}, {}
local function take(id)
  if found[id] then return end
  found[id] = true
  ids[#ids + 1] = id
end

local ranges = tonumber(ARGV[7])
local rising = ARGV[8] == 'asc'
local read = rising and 'ZRANGEBYSCORE' or 'ZREVRANGEBYSCORE'
local function behind(id)
  if after == '' then return true end
  if rising then return id > after end
  return id < after
end
local asked = {}
for i = 9, 8 + ranges * 3, 3 do
  asked[ARGV[i + 2]] = true
  local offset, taken = 0, 0
  repeat
    local page = rcall(read, P .. 'ids:' .. name, ARGV[i], ARGV[i + 1], 'LIMIT', offset, wanted)
    for _, id in ipairs(page) do
      -- Ids of the same millisecond as the one to begin behind are in the range too.
      if behind(id) and taken < wanted then
        take(id)
        taken = taken + 1
      end
    end
    offset = offset + wanted
  until #page < wanted or taken == wanted
end
for i = 9 + ranges * 3, #ARGV do
  local t = behind(ARGV[i]) and load_task(ARGV[i])
  if t and t[T_keyId] == ARGV[3] and asked[t[T_status] .. ' ' .. t[T_type]] then take(ARGV[i]) end
end

table.sort(ids, function(a, b)
  if rising then return a < b end
  return a > b
end)
local views = {}
for i = 1, min(#ids, wanted) do
  local t = load_task(ids[i])
  if t then views[#views + 1] = view(t) end
end
return answer_views(views, ARGV[3])
