-- All fields of a virtual key, none when there is no such key. ARGV: 3 id, or '' and 4 its hash, or that of its plain form before
-- while that works.

local id = ARGV[3] ~= '' and ARGV[3] or rcall('HGET', P .. 'hashes', ARGV[4])
if id then return rcall('HGETALL', P .. 'account:' .. id) end
id = rcall('HGET', P .. 'old-hashes', ARGV[4])
local previous = id and previous_form(id)
if previous and previous.hash == ARGV[4] and previous.validUntil > now then return rcall('HGETALL', P .. 'account:' .. id) end
return {}
