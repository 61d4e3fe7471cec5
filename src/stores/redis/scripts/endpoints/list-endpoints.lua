-- All fields of a key's webhook endpoints, oldest first; of one of them alone, when it is named. ARGV: 3 key, 4 id or ''

if ARGV[4] ~= '' then return { rcall('HGETALL', P .. 'endpoint:' .. scoped(ARGV[3], ARGV[4])) } end
local found = {}
for _, id in ipairs(rcall('ZRANGE', P .. 'endpoints:' .. ARGV[3], 0, -1)) do
  found[#found + 1] = rcall('HGETALL', P .. 'endpoint:' .. scoped(ARGV[3], id))
end
return found
