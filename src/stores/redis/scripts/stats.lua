-- Ready, delayed and held tasks of lanes. ARGV: from 3 lanes

local counts = {}
for i = 3, #ARGV do
  local lane = load_lane(ARGV[i])
  counts[#counts + 1] = { lane.ready, rcall('ZCARD', P .. 'delayed:' .. ARGV[i]), lane.held }
end
return counts
