-- The keys of a parent that are counted and have not expired, the one that ends last first, each as get-ephemeral-key answers it.
-- ARGV: 3 parent, 4 most, 5 and 6 end and hash of the one after which the list goes on, or ''.

local of_parent, most = P .. 'ephemerals:' .. ARGV[3], tonumber(ARGV[4])
local from, found, seen = ARGV[5] == '' and '+inf' or ARGV[5], {}, 0
local last, last_hash = tonumber(ARGV[5]), ARGV[6]
while #found < most do
  local page = rcall('ZREVRANGEBYSCORE', of_parent, from, '(' .. now_text, 'WITHSCORES', 'LIMIT', seen, most)
  for i = 1, #page, 2 do
    local passed = last and tonumber(page[i + 1]) == last and page[i] >= last_hash
    local key = not passed and #found < most and rcall('HMGET', P .. 'ephemeral:' .. page[i], 'created', 'expires', 'details')
    if key and key[3] then found[#found + 1] = key end
  end
  seen = seen + #page / 2
  if #page < 2 * most then break end
end
return found
