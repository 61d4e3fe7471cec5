-- Back to the queue until `due`: a transient failure, or (snooze) a provider that asked to wait, which uses no attempt.
-- ARGV: 11 due, 12 message, 13 snooze (0/1)

if not t then return step() end
t.status, t.unsure, t.lease, t.due = 'queued', '0', '-', ARGV[11]
if ARGV[13] == '1' then t.attempt = max(0, t.attempt - 1) end
put(t, 'message', ARGV[12])
return step('retrying')
