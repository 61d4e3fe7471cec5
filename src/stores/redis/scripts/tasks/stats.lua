-- Ready, delayed and held tasks of lanes. ARGV: from 3 lanes

local counts = {}
for i = 3, #ARGV do
  -- All that is unfinished waits to be woken.
  local unfinished, delayed = rcall('ZCARD', P .. 'wake:' .. ARGV[i]), rcall('ZCARD', P .. 'delayed:' .. ARGV[i])
  local held = tonumber(rcall('HGET', P .. 'lane:' .. ARGV[i], 'held') or 0)
  counts[#counts + 1] = { unfinished - delayed - held, delayed, held }
end
return counts
