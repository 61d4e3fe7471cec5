-- Pauses a provider in a lane. ARGV: 3 lane, 4 provider, 5 ms from now, 0 to end a pause. Sent again it does no more.

local lane, token = load_lane(ARGV[3]), token_of(ARGV[4])
local ends = now + ARGV[5]
local left = {}
for one, at in pairs(lane.pauses) do
  if tonumber(at) > now then left[one] = at end
end
if ARGV[5] == '0' then
  left[token] = nil
elseif ends > tonumber(left[token] or 0) then
  left[token] = exact(ends)
end
if next(left) then
  rcall('HSET', P .. 'lane:' .. ARGV[3], 'pauses', cjson.encode(left))
else
  rcall('HDEL', P .. 'lane:' .. ARGV[3], 'pauses')
end
return 1
