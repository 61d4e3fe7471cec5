-- In how many ms a lane's next work is due, at least 1: 0 = now, '' = nothing waits. ARGV: 3 lane, 4 JSON list of providers or ''
-- for all, 5 'start' or 'poll' when only such tasks count as ready, or ''.

local lane, best = load_lane(ARGV[3]), nil
local function look(token)
  if ARGV[5] == 'poll' then return rcall('EXISTS', polls_of(ARGV[3], token)) == 1 end
  if ARGV[5] == 'start' and not is_paused(lane, token) then return first_to_start(ARGV[3], token)[1] ~= nil end
  if is_paused(lane, token) then
    if ARGV[5] == '' and rcall('EXISTS', polls_of(ARGV[3], token)) == 1 then return true end
    local ends = tonumber(lane.pauses[token])
    if rcall('EXISTS', turns_of(ARGV[3], token)) == 1 then best = min(best or ends, ends) end
    return false
  end
  return rcall('EXISTS', turns_of(ARGV[3], token)) == 1
end
if ARGV[4] == '' then
  for token in lane.providers:gmatch('%S+') do
    if look(token) then return '0' end
  end
else
  for _, provider in ipairs(cjson.decode(ARGV[4])) do
    if look(token_of(provider)) then return '0' end
  end
end
local delayed = tonumber(rcall('ZRANGE', P .. 'delayed:' .. ARGV[3], 0, 0, 'WITHSCORES')[2])
if delayed then best = min(best or delayed, delayed) end
return best and exact(max(1, best - now)) or ''
