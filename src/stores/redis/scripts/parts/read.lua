-- Before a script that only reads: data of a newer release is not understood.

local version = rcall('GET', P .. 'schema')
if version and tonumber(version) > SCHEMA_VERSION then
  return redis.error_reply('NEWERSCHEMA ' .. version)
end
