-- A worker replaces the provider's state and keeps its lease. ARGV: 11 state

local t = holder()
if t then
  add_work(t)
  put(t, 'state', ARGV[11])
  t.unsure, t.updated = '0', now_text
end
return step(t, nil)
