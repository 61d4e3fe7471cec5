-- The thresholds that charges of a key and its customers have reached, newest first. ARGV: 3 key, 4 how many at most. Answers pairs of
-- name and JSON.

local names = rcall('ZREVRANGE', P .. 'mark-order:' .. ARGV[3], 0, ARGV[4] - 1)
local marks = {}
for i, text in ipairs(names[1] and rcall('HMGET', P .. 'spend-marks:' .. ARGV[3], unpack(names)) or {}) do
  if text then marks[#marks + 1] = { names[i], text } end
end
return marks
