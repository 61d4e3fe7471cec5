-- Removes a virtual key with its webhook endpoints. Of its tasks, those that wait are cancelled by the sweep. ARGV: 3 id.
-- 0 when there is none.

if repeated then return 1 end
local id = ARGV[3]
if rcall('EXISTS', P .. 'account:' .. id) == 0 then return 0 end
forget_hash(id)
rcall('UNLINK', P .. 'account:' .. id)
rcall('ZREM', P .. 'accounts', id)
local endpoints = P .. 'endpoints:' .. id
for _, one in ipairs(rcall('ZRANGE', endpoints, 0, -1)) do rcall('UNLINK', P .. 'endpoint:' .. scoped(id, one)) end
rcall('UNLINK', endpoints, P .. 'webhook-secrets:' .. id, P .. 'customers:' .. id)
if rcall('HEXISTS', P .. 'key:' .. id, 'epoch') == 1 then
  change_key(id, '0', exact(now), '=', '=')
  rcall('HDEL', P .. 'key:' .. id, 'on', 'until', 'most', 'budgets', 'hooks', 'limits', 'fullAt', 'day', 'requests')
else
  -- It never had a task or a follower.
  rcall('UNLINK', P .. 'key:' .. id)
  rcall('ZREM', P .. 'closing', id)
end
remember('1')
return 1
