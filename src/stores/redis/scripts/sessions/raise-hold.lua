-- Holds back more for an open session where the budgets allow it. ARGV: 3 id, 4 fence, 5 held in all, 6 windows of a hold but
-- for the day. Answers { 'raised', held }, { 'ended' }, or why the budgets do not allow it. Sent again it does the same.

local id = ARGV[3]
local f = rcall('HMGET', session_key(id), 'fence', 'leaseUntil', 'keyId', 'customer', 'reservedMicros', 'windows')
if f[1] ~= ARGV[4] or not f[2] then return { 'ended' } end
local more = tonumber(ARGV[5]) - tonumber(f[5])
if more <= 0 then return { 'raised', f[5] } end
local k = load_key(f[3])
if k.broken then return { 'unreadable' } end
local exceeded = with_rate(k, exceeded_budget(k, f[4] or '', more))
if exceeded then return exceeded end
local windows = f[6] or windows_now(ARGV[6])
if not f[6] then hset('session:' .. id, 'windows', windows) end
hold_money(f[3], f[4] or '', windows, 'session/' .. id, more)
hset('session:' .. id, 'reservedMicros', exact(ARGV[5]))
make_writes()
return { 'raised', ARGV[5] }
