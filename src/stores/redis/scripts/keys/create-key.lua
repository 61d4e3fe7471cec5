-- Writes a virtual key; 0 when its id or its hash is taken. ARGV: 3 id, 4 hash, 5 enabled (0/1), 6 expires at or '',
-- 7 most tasks at once or '', 8 its budgets (window and limit of each) or '', then names and JSON texts of all its fields.

if repeated then return 1 end
local id, hash = ARGV[3], ARGV[4]
if rcall('EXISTS', P .. 'account:' .. id) == 1 or rcall('HEXISTS', P .. 'hashes', hash) == 1 then return 0 end
rcall('HSET', P .. 'account:' .. id, unpack(ARGV, 9))
rcall('HSET', P .. 'hashes', hash, id)
local newest = rcall('ZRANGE', P .. 'accounts', -1, -1, 'WITHSCORES')[2] or 0
rcall('ZADD', P .. 'accounts', newest + 1, id)
change_key(id, ARGV[5], ARGV[6], ARGV[7], ARGV[8])
remember('1')
return 1
