-- Gives a customer of a key a budget of its own. ARGV: 3 key, 4 customer, 5 its JSON, '' takes it away, 6 to 8 the entry of the audit
-- log (see parts/audit.lua). 0 when there is no such key.

if repeated then return 1 end
if rcall('EXISTS', P .. 'account:' .. ARGV[3]) == 0 then return 0 end
if ARGV[5] == '' then
  rcall('HDEL', P .. 'customers:' .. ARGV[3], ARGV[4])
else
  rcall('HSET', P .. 'customers:' .. ARGV[3], ARGV[4], ARGV[5])
end
write_audit(ARGV[6], ARGV[7], ARGV[8])
remember('1')
return 1
