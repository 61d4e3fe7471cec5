-- All fields of a virtual key, none when there is no such key. ARGV: 3 id, or '' and 4 its hash

local id = ARGV[3] ~= '' and ARGV[3] or rcall('HGET', P .. 'hashes', ARGV[4])
return id and rcall('HGETALL', P .. 'account:' .. id) or {}
