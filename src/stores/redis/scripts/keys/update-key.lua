-- Changes a virtual key; nil when there is none, 0 when another has the hash, else all its fields.
-- ARGV: 3 id, 4 new hash or '', 5 enabled (0/1) or '=', 6 expires at, '' or '=', 7 most tasks at once, '' or '=' ('=' stays),
-- 8 its budgets (window and limit of each), '' or '=', then names and JSON texts of what changes.

local at = P .. 'account:' .. ARGV[3]
if repeated then return rcall('HGETALL', at) end
if rcall('EXISTS', at) == 0 then return nil end
if ARGV[4] ~= '' then
  local holder = rcall('HGET', P .. 'hashes', ARGV[4])
  if holder and holder ~= ARGV[3] then return 0 end
  forget_hash(ARGV[3])
  rcall('HSET', P .. 'hashes', ARGV[4], ARGV[3])
end
rcall('HSET', at, unpack(ARGV, 9))
change_key(ARGV[3], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
remember('1')
return rcall('HGETALL', at)
