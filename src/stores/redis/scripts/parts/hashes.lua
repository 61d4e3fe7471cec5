-- By which hashes a virtual key is found.

-- The plain form before the present one, nil when there is none: beside another successor it is void.
local function previous_form(id)
  local f = rcall('HMGET', P .. 'account:' .. id, 'hash', 'previous')
  local previous = f[2] and f[2] ~= 'null' and cjson.decode(f[2])
  if previous and previous.successor == f[1] then return previous end
end

-- The key is no longer found by the hash it has, nor by the one before.
local function forget_hashes(id)
  local f = rcall('HMGET', P .. 'account:' .. id, 'hash', 'previous')
  if f[1] then rcall('HDEL', P .. 'hashes', f[1]) end
  if f[2] and f[2] ~= 'null' then rcall('HDEL', P .. 'old-hashes', cjson.decode(f[2]).hash) end
end
