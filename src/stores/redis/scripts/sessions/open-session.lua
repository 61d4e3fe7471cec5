-- Opens a session under a lease where the limits allow it. The same id again answers it as it is. ARGV: 3 id, 4 key, 5 subject,
-- 6 customer or '', 7 reserved, 8 windows of its hold but for the day, 9 lease in ms, 10 most open of the key, 11 most open in all, 12 the
-- row for the outbox or '', then names and texts of its fields. Answers { 'opened', fields }, { 'too_many', which limit, how many }, { 'unreadable' } when the key is
-- damaged, or why the key may not, as the creation of a task does.

local id, key = ARGV[3], ARGV[4]
if rcall('EXISTS', session_key(id)) == 1 then return { 'opened', tell_session(id) } end
local k = load_key(key)
if k.broken then return { 'unreadable' } end
local refused = refused_key(k) or refused_rate(k)
if refused then return refused end
local of_key = rcall('ZCOUNT', P .. 'sessions-open:' .. key, '(' .. now_text, '+inf')
if of_key >= tonumber(ARGV[10]) then return { 'too_many', 'key', of_key } end
local all = rcall('ZCOUNT', P .. 'sessions-open', '(' .. now_text, '+inf')
if all >= tonumber(ARGV[11]) then return { 'too_many', 'all', all } end

local reserved = tonumber(ARGV[7])
if reserved > 0 then
  local exceeded = with_rate(k, exceeded_budget(k, ARGV[6], reserved))
  if exceeded then return exceeded end
  local windows = windows_now(ARGV[8])
  hset('session:' .. id, 'windows', windows)
  hold_money(key, ARGV[6], windows, 'session/' .. id, reserved)
end
take_request(k)
local lease_until = exact(now + ARGV[9])
write('HSET', session_key(id), 'startedAt', now_text, 'leaseUntil', lease_until, unpack(ARGV, 13))
if OUTBOX_ROWS > 0 and ARGV[12] ~= '' then post(ARGV[12]) end
write('ZADD', P .. 'sessions-open', lease_until, id)
write('ZADD', P .. 'sessions-open:' .. key, lease_until, id)
zadd('sessions:' .. scoped(key, ''), '0', id)
if ARGV[5] ~= '' then zadd('sessions:' .. scoped(key, ARGV[5]), '0', id) end
make_writes()
return { 'opened', tell_session(id) }
