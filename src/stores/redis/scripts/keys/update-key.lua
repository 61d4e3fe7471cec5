-- Changes a virtual key: 'done' with all its fields; 'missing'; 'duplicate' when another has the hash; 'stale' when it is of another
-- version; 'answered' with a kept answer's fingerprint and text.
-- ARGV: 3 id, 4 step (see parts/keys/key-step.lua), 5 new hash or '', 6 enabled (0/1) or '=', 7 expires at, '' or '=', 8 most tasks at once,
-- '' or '=' ('=' stays), 9 its budgets (window and limit of each), '' or '=', then names and JSON texts of what changes.

local id, hash = ARGV[3], ARGV[5]
local at = P .. 'account:' .. id
if repeated then return { 'done', rcall('HGETALL', at) } end
local answer = step.once and recall_answer(step.once.id)
if answer then return answer end
if rcall('EXISTS', at) == 0 then return { 'missing' } end
if is_stale(at) then return { 'stale' } end
if hash ~= '' then
  local holder = rcall('HGET', P .. 'hashes', hash)
  if holder and holder ~= id then return { 'duplicate' } end
  forget_hashes(id)
  rcall('HSET', P .. 'hashes', hash, id)
end
rcall('HSET', at, unpack(ARGV, 10))
rcall('HINCRBY', at, 'revision', 1)
local previous = previous_form(id)
if previous then rcall('HSET', P .. 'old-hashes', previous.hash, id) end
change_key(id, ARGV[6], ARGV[7], ARGV[8], ARGV[9])
finish_step()
remember('1')
return { 'done', rcall('HGETALL', at) }
