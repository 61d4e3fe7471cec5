-- A worker reports progress and keeps its lease. ARGV: 11 percent, 12 message

if not t then return step() end
local percent = max(t.progress, ARGV[11])
if percent == tonumber(t.progress) and ARGV[12] == t.message then return step(nil, true) end
t.progress, t.progress_at = percent, now_text
put(t, 'message', ARGV[12])
return step('progress')
