-- Where a tenant's log stands, opening it when the tenant never had a task or a follower; with a node, marks it followed.
-- ARGV: 3 key, 4 subject or '', 5 epoch for a new log, 6 node or ''

local n = load_tenant(ARGV[3], ARGV[4])
open_tenant(n, ARGV[5])
if ARGV[6] ~= '' then
  hear_of(ARGV[6])
  write('HSET', n.at, 'by', with_follower(n.by, ARGV[6]))
end
make_writes()
return { n.epoch, n.seq }
