-- The job runs upstream: the lease is given back until the poll is due. ARGV: 11 state, 12 due, 13 percent, 14 message or ''

if not t then return step() end
local event
local percent = max(t.progress, ARGV[13])
local message = ARGV[14] == '' and t.message or ARGV[14]
if percent ~= tonumber(t.progress) or message ~= t.message then
  event = 'progress'
  t.progress, t.progress_at = percent, now_text
  put(t, 'message', message)
end
put(t, 'state', ARGV[11])
t.unsure, t.lease, t.due = '0', '-', ARGV[12]
return step(event)
