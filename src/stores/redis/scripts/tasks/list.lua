-- A page of a tenant's tasks, newest first. ARGV: 3 key, 4 subject or '', 5 task to begin behind or '', 6 how many,
-- 7 how many ranges; of each range its greatest and least score and the status and type it is for; then granted ids.
-- A range has one status and type of the tenant, in the order of the time in the ids.

local name, after, wanted = scoped(ARGV[3], ARGV[4]), ARGV[5], tonumber(ARGV[6])
local found, ids = {}, {}
local function take(id)
  if found[id] then return end
  found[id] = true
  ids[#ids + 1] = id
end

local ranges = tonumber(ARGV[7])
local asked = {}
for i = 8, 7 + ranges * 3, 3 do
  asked[ARGV[i + 2]] = true
  local offset, taken = 0, 0
  repeat
    local page = rcall('ZREVRANGEBYSCORE', P .. 'ids:' .. name, ARGV[i], ARGV[i + 1], 'LIMIT', offset, wanted)
    for _, id in ipairs(page) do
      -- Ids of the same millisecond as the one to begin behind are in the range too.
      if (after == '' or id < after) and taken < wanted then
        take(id)
        taken = taken + 1
      end
    end
    offset = offset + wanted
  until #page < wanted or taken == wanted
end
for i = 8 + ranges * 3, #ARGV do
  local t = (after == '' or ARGV[i] < after) and load_task(ARGV[i])
  if t and t[T_keyId] == ARGV[3] and asked[t[T_status] .. ' ' .. t[T_type]] then take(ARGV[i]) end
end

table.sort(ids, function(a, b) return a > b end)
local views = {}
for i = 1, min(#ids, wanted) do
  local t = load_task(ids[i])
  if t then views[#views + 1] = view(t) end
end
return answer_views(views, ARGV[3])
