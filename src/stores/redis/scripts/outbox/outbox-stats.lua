-- How many rows wait in the outbox, how many fell out, and how often sending failed in a row.

local f = rcall('HMGET', P .. 'outbox-state', 'dropped', 'failures')
return { rcall('LLEN', P .. 'outbox'), f[1] or '0', f[2] or '0' }
