-- Removes a webhook endpoint; 0 when there is none. ARGV: 3 key, 4 id

if repeated then return 1 end
rcall('ZREM', P .. 'endpoints:' .. ARGV[3], ARGV[4])
if rcall('EXISTS', P .. 'endpoints:' .. ARGV[3]) == 0 then rcall('HDEL', P .. 'key:' .. ARGV[3], 'hooks') end
if rcall('UNLINK', P .. 'endpoint:' .. scoped(ARGV[3], ARGV[4])) == 0 then return 0 end
remember('1')
return 1
