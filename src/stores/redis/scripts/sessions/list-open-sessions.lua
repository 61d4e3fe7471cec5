-- The open sessions of all keys, at most ARGV[3], those whose lease ends first before the others.

local found = {}
for _, id in ipairs(rcall('ZRANGEBYSCORE', P .. 'sessions-open', '(' .. now_text, '+inf', 'LIMIT', 0, tonumber(ARGV[3]))) do
  found[#found + 1] = tell_session(id)
end
return found
