-- A delivery with what it takes to send it; nil when there is none. ARGV: 3 id
-- Answers all its fields, whether its endpoint is on, and the JSON of the secrets that sign it, or nil.

local at = P .. 'delivery:' .. ARGV[3]
local f = rcall('HMGET', at, 'keyId', 'endpointId')
if not f[1] then return nil end
if f[2] == '' then return { rcall('HGETALL', at), 1, rcall('GET', P .. 'webhook-secrets:' .. f[1]) } end
local e = rcall('HMGET', P .. 'endpoint:' .. scoped(f[1], f[2]), 'url', 'enabled', 'secrets')
return { rcall('HGETALL', at), e[1] and e[2] ~= 'false' and 1 or 0, e[3] }
