-- A worker reports progress and keeps its lease. ARGV: 11 percent, 12 message

local t = holder()
if not t then return step(nil) end
local percent = max(tonumber(t.progress), tonumber(ARGV[11]))
if percent == tonumber(t.progress) and ARGV[12] == t.message then
  return step(t, nil, true)
end
t.progress, t.progress_at, t.updated = percent, now_text, now_text
put(t, 'message', ARGV[12])
return step(t, 'progress')
