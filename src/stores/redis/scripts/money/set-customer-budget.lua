-- Gives a customer of a key a budget of its own. ARGV: 3 key, 4 customer, 5 its JSON, '' takes it away. 0 when there is no such key.

if rcall('EXISTS', P .. 'account:' .. ARGV[3]) == 0 then return 0 end
if ARGV[5] == '' then
  rcall('HDEL', P .. 'customers:' .. ARGV[3], ARGV[4])
else
  rcall('HSET', P .. 'customers:' .. ARGV[3], ARGV[4], ARGV[5])
end
return 1
