-- Opening the log of a tenant.

local function load_tenant(key, subject)
  local s = load_subject(key, subject)
  if s and s.broken then error('a tenant cannot be read') end
  return s or load_key(key)
end

-- A tenant gets its log with its first task or follower.
local function open_tenant(n, epoch)
  if n.epoch ~= '' then return end
  n.epoch = epoch
  write('HSET', n.at, 'epoch', epoch)
  zadd('tenants', '0', n.name)
end
