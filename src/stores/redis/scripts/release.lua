-- Handed back untouched: claimable at once. ARGV: 11 unsure (0/1)

local t = holder()
if t then
  add_work(t)
  t.lease, t.rank, t.updated = '-', '0', now_text
  if ARGV[11] == '1' and t.state == '' then t.unsure = '1' end
end
return step(t, nil)
