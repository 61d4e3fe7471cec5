-- Opens a session under a lease where the limits allow it. The same id again answers it as it is. ARGV: 3 id, 4 key, 5 subject,
-- 6 customer or '', 7 reserved, 8 windows of its hold, 9 lease in ms, 10 most open of the key, 11 most open in all, then names
-- and texts of its fields. Answers { 'opened', fields } or { 'too_many', which limit, how many }.

local id, key = ARGV[3], ARGV[4]
if rcall('EXISTS', session_key(id)) == 1 then return { 'opened', tell_session(id) } end
local of_key = rcall('ZCOUNT', P .. 'sessions-open:' .. key, '(' .. now_text, '+inf')
if of_key >= tonumber(ARGV[10]) then return { 'too_many', 'key', of_key } end
local all = rcall('ZCOUNT', P .. 'sessions-open', '(' .. now_text, '+inf')
if all >= tonumber(ARGV[11]) then return { 'too_many', 'all', all } end

local lease_until = exact(now + ARGV[9])
write('HSET', session_key(id), 'startedAt', now_text, 'leaseUntil', lease_until, unpack(ARGV, 12))
write('ZADD', P .. 'sessions-open', lease_until, id)
write('ZADD', P .. 'sessions-open:' .. key, lease_until, id)
zadd('sessions:' .. scoped(key, ''), '0', id)
if ARGV[5] ~= '' then zadd('sessions:' .. scoped(key, ARGV[5]), '0', id) end
hold_money(key, ARGV[6], ARGV[8], 'session/' .. id, tonumber(ARGV[7]))
make_writes()
return { 'opened', tell_session(id) }
