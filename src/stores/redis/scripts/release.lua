-- Handed back untouched: claimable at once. ARGV: 11 unsure (0/1)

if t then
  t.lease, t.rank = '-', '0'
  if ARGV[11] == '1' and t.state == '' then t.unsure = '1' end
end
return step()
