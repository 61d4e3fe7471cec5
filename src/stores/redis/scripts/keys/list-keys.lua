-- Virtual keys, newest first. ARGV: 3 how many, 4 the last id of the page before or ''; one that is gone begins anew.

local before = ARGV[4] ~= '' and rcall('ZSCORE', P .. 'accounts', ARGV[4])
local from = before and '(' .. before or '+inf'
local keys = {}
for _, id in ipairs(rcall('ZREVRANGEBYSCORE', P .. 'accounts', from, '-inf', 'LIMIT', 0, ARGV[3])) do
  keys[#keys + 1] = rcall('HGETALL', P .. 'account:' .. id)
end
return keys
