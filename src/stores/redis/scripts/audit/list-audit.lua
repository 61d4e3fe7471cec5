-- Entries of the audit log, newest first: number and stored text of each.
-- ARGV: 3 how many, 4 the number of the last of the page before or '', 5 action or '', 6 target or ''.

local from = ARGV[4] == '' and '+inf' or '(' .. ARGV[4]
local entries = {}
local set = P .. 'audit:' .. ARGV[5] .. ':' .. ARGV[6]
for _, no in ipairs(rcall('ZREVRANGEBYSCORE', set, from, '-inf', 'LIMIT', 0, ARGV[3])) do
  entries[#entries + 1] = { no, rcall('HGET', P .. 'audit-texts', no) or '' }
end
return entries
