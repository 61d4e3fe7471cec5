-- A key's movements, oldest first. ARGV: 3 key, 4 and 5 the first and the last one, counted from 0. Answers their JSON.

local ids = rcall('ZRANGE', P .. 'movements:' .. ARGV[3], ARGV[4], ARGV[5])
local movements = {}
for _, text in ipairs(ids[1] and rcall('HMGET', P .. 'movement-texts:' .. ARGV[3], unpack(ids)) or {}) do
  movements[#movements + 1] = text or '{}'
end
return movements
