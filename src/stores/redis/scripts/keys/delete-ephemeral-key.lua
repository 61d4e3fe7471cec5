-- Removes an ephemeral key of this parent; 1 when there was one. ARGV: 3 hash, 4 parent

if repeated then return 1 end
local at = P .. 'ephemeral:' .. ARGV[3]
local details = rcall('HGET', at, 'details')
if not details or cjson.decode(details).keyId ~= ARGV[4] then return 0 end
rcall('DEL', at)
rcall('ZREM', P .. 'ephemerals:' .. ARGV[4], ARGV[3])
remember('1')
return 1
