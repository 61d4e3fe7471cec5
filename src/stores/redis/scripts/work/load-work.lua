-- Payload and fence of an item, nil when there is none. ARGV: 3 kind, 4 id

local f = rcall('HMGET', work_key(ARGV[3], ARGV[4]), 'payload', 'fence')
return f[1] and f
