-- Back to the queue until `due`: a transient failure, or (snooze) a provider that asked to wait, which uses no attempt.
-- ARGV: 11 due, 12 message, 13 snooze (0/1)

local t = holder()
if not t then return step(nil) end
add_work(t)
t.status, t.unsure = 'queued', '0'
if ARGV[13] == '1' then t.attempt = max(0, t.attempt - 1) end
put(t, 'message', ARGV[12])
put_off(t, ARGV[11])
return step(t, 'retrying')
