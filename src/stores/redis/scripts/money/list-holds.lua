-- A key's holds, oldest first. ARGV: 3 key, 4 how many at most. Answers of each source, id, moment,
-- key, subject, customer or the spec it stands in, amount, price, windows.

local holds = {}
local sources = rcall('ZRANGE', P .. 'holds:' .. ARGV[3], 0, ARGV[4] - 1, 'WITHSCORES')
for i = 1, #sources, 2 do
  local kind, id = match(sources[i], '^(%w+)/(.*)$')
  local f = redis.pcall('HMGET', P .. kind .. ':' .. id, 'keyId', 'subject', 'customer', 'spec', 'reservedMicros', 'price', 'windows')
  if f[1] then
    holds[#holds + 1] = { kind, id, sources[i + 1], unpack(f) }
  else
    count_unreadable()
  end
end
return holds
