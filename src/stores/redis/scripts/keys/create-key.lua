-- Writes a virtual key: 'done'; 'duplicate' when its id or its hash is taken; 'answered' with a kept answer's fingerprint and text.
-- ARGV: 3 id, 4 step (see parts/keys/key-step.lua), 5 hash, 6 enabled (0/1), 7 expires at or '', 8 most tasks at once or '', 9 its budgets
-- (window and limit of each) or '', then names and JSON texts of all its fields.

if repeated then return { 'done' } end
local id, hash = ARGV[3], ARGV[5]
local answer = step.once and recall_answer(step.once.id)
if answer then return answer end
if rcall('EXISTS', P .. 'account:' .. id) == 1 or rcall('HEXISTS', P .. 'hashes', hash) == 1 then return { 'duplicate' } end
rcall('HSET', P .. 'account:' .. id, unpack(ARGV, 10))
rcall('HSET', P .. 'hashes', hash, id)
local newest = rcall('ZRANGE', P .. 'accounts', -1, -1, 'WITHSCORES')[2] or 0
rcall('ZADD', P .. 'accounts', newest + 1, id)
change_key(id, ARGV[6], ARGV[7], ARGV[8], ARGV[9])
finish_step()
remember('1')
return { 'done' }
