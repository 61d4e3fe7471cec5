-- A worker replaces the provider's state and keeps its lease. ARGV: 11 state

if t then
  put(t, 'state', ARGV[11])
  t.unsure = '0'
end
return step()
