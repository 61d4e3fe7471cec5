-- The job runs upstream: the lease is given back until the poll is due. ARGV: 11 state, 12 due, 13 percent, 14 message or ''

local t = holder()
if not t then return step(nil) end
local event
local percent = max(tonumber(t.progress), tonumber(ARGV[13]))
local message = ARGV[14] == '' and t.message or ARGV[14]
if percent ~= tonumber(t.progress) or message ~= t.message then
  event = 'progress'
  t.progress, t.progress_at = percent, now_text
  put(t, 'message', message)
end
add_work(t)
put(t, 'state', ARGV[11])
t.unsure = '0'
put_off(t, ARGV[12])
return step(t, event)
