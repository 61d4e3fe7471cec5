-- Keys that have balances, in no order; a key may come twice. ARGV: 3 where to go on, '0' at first, 4 about how many names of any
-- kind are looked at. Answers where to go on, '0' at the end, and the keys.

local at = P .. 'balance:'
local pattern = at:gsub('[%*%?%[%]%^\\]', '\\%0') .. '*'
local found = rcall('SCAN', ARGV[3], 'MATCH', pattern, 'COUNT', ARGV[4])
for i, name in ipairs(found[2]) do found[2][i] = name:sub(#at + 1) end
return found
