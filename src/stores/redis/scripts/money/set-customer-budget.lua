-- Gives a customer of a key a budget of its own. ARGV: 3 key, 4 customer, 5 its JSON, '' takes it away, 6 the JSON of the one it has to
-- have until then, '' for none, '*' for whatever it has, 7 to 9 the entry of the audit log (see parts/keys/audit.lua). Answers 'set',
-- 'missing' when there is no such key, or 'stale'.

if repeated then return 'set' end
if rcall('EXISTS', P .. 'account:' .. ARGV[3]) == 0 then return 'missing' end
local at = P .. 'customers:' .. ARGV[3]
if ARGV[6] ~= '*' and (rcall('HGET', at, ARGV[4]) or '') ~= ARGV[6] then return 'stale' end
if ARGV[5] == '' then
  rcall('HDEL', at, ARGV[4])
else
  rcall('HSET', at, ARGV[4], ARGV[5])
end
write_audit(ARGV[7], ARGV[8], ARGV[9])
remember('1')
return 'set'
