-- The times and the JSON of an ephemeral key, none of them when there is no such key. ARGV: 3 hash

return rcall('HMGET', P .. 'ephemeral:' .. ARGV[3], 'created', 'expires', 'details')
