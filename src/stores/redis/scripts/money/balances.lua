-- Everything of a key's money at one moment but its movements. ARGV: 3 key, 4 how many holds at most. Answers the fields of its
-- balances, how many holds and movements there are, and of each hold amount, windows, customer and spec.

local key, held = ARGV[3], {}
local fields = redis.pcall('HGETALL', P .. 'balance:' .. key)
if fields.err then
  count_unreadable()
  fields = {}
end
local holds = P .. 'holds:' .. key
for i, source in ipairs(rcall('ZRANGE', holds, 0, ARGV[4] - 1)) do
  local kind, id = match(source, '^(%w+)/(.*)$')
  local f = redis.pcall('HMGET', P .. kind .. ':' .. id, 'reservedMicros', 'windows', 'customer', 'spec')
  held[i] = f.err and {} or f
end
return { fields, rcall('ZCARD', holds), rcall('ZCARD', P .. 'movements:' .. key), held }
