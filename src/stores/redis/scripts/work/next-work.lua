-- In how many ms work of a kind may next be claimed, '' when there is none; past its time, it may be whatever its destination is.
-- ARGV: 3 kind, 4 JSON list of destinations or '' for all

local next = tonumber(rcall('ZRANGE', P .. 'ends:' .. ARGV[3], 0, 0, 'WITHSCORES')[2])
local function look(score)
  if score then next = min(next or tonumber(score), tonumber(score)) end
end
if ARGV[4] == '' then
  look(rcall('ZRANGE', P .. 'destinations:' .. ARGV[3], 0, 0, 'WITHSCORES')[2])
else
  for _, destination in ipairs(cjson.decode(ARGV[4])) do
    look(rcall('ZSCORE', P .. 'destinations:' .. ARGV[3], destination))
  end
end
return next and exact(max(0, next - now)) or ''
