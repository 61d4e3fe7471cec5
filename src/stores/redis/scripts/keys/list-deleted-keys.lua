-- What is left of deleted keys, the one deleted last first: id and text (deleted at, JSON of the rest) of each.
-- ARGV: 3 how many, 4 the last id of the page before or ''; one that is gone begins anew.

local before = ARGV[4] ~= '' and rcall('ZSCORE', P .. 'deleted-accounts', ARGV[4])
local from = before and '(' .. before or '+inf'
local keys = {}
for _, id in ipairs(rcall('ZREVRANGEBYSCORE', P .. 'deleted-accounts', from, '-inf', 'LIMIT', 0, ARGV[3])) do
  keys[#keys + 1] = { id, rcall('HGET', P .. 'deleted-texts', id) or '' }
end
return keys
