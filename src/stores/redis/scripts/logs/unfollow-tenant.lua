-- Takes a node from the followers of a tenant's log. ARGV: 3 key, 4 subject or '', 5 node

if repeated then return 1 end
local n = load_tenant(ARGV[3], ARGV[4])
if follows(n.by, ARGV[5]) then
  rcall('HSET', n.at, 'by', without_follower(n.by, ARGV[5]))
  remember('1')
end
return 1
