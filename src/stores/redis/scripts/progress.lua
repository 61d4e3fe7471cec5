-- A worker reports progress and keeps its lease. ARGV: 11 percent, 12 message

local t = holder()
if not t then return step(nil) end
local percent = max(tonumber(t.progress), tonumber(ARGV[11]))
if percent == tonumber(t.progress) and ARGV[12] == t.message then
  t.unchanged = true
  return step(t, nil)
end
t.progress, t.progress_at, t.updated = percent, now, now
put(t, 'message', ARGV[12])
return step(t, 'progress')
