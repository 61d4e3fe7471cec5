-- Removes a virtual key with its webhook endpoints. Of its tasks, those that wait are cancelled by the sweep. What is left of it is
-- written down. 'deleted', 'missing', or 'stale' when it is of another version. ARGV: 3 id, 4 step (see parts/keys/key-step.lua).

if repeated then return 'deleted' end
local id = ARGV[3]
local at = P .. 'account:' .. id
if rcall('EXISTS', at) == 0 then return 'missing' end
if is_stale(at) then return 'stale' end
forget_hashes(id)
note_deleted(id, rcall('HMGET', at, 'name', 'last4', 'createdAt'))
rcall('UNLINK', at)
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
finish_step()
remember('1')
return 'deleted'
