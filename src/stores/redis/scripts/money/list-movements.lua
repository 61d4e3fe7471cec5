-- A key's movements, newest first. ARGV: 3 key, 4 how many at most, 5 the last one of the page before or ''; one that is gone
-- ends the list. Answers pairs of id and JSON.

local at, from = ARGV[3], 0
if ARGV[5] ~= '' then
  from = rcall('ZREVRANK', P .. 'movements:' .. at, ARGV[5])
  if not from then return {} end
  from = from + 1
end
local ids = rcall('ZREVRANGE', P .. 'movements:' .. at, from, from + ARGV[4] - 1)
local movements = {}
for i, text in ipairs(ids[1] and rcall('HMGET', P .. 'movement-texts:' .. at, unpack(ids)) or {}) do
  if text then movements[#movements + 1] = { ids[i], text } else count_unreadable() end
end
return movements
