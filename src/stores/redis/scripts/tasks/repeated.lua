-- The task that a repeated request made, as create.lua would answer it; nil when it would make one. ARGV: 3 key, 4 subject,
-- 5 idempotency key, 6 fingerprint, 7 only if ended within or ''. Answers { 'replayed', view } or { 'conflict' }.

local text = rcall('GET', P .. 'once:' .. scoped(ARGV[3], scoped(ARGV[4], ARGV[5])))
local holder = text and cjson.decode(text)
local first = holder and tonumber(holder['until']) > now and load_task(holder.taskId)
local ended = first and first[T_finishedAt]
if not first or ended and ARGV[7] ~= '' and now - ended > tonumber(ARGV[7]) then return nil end
if holder.fingerprint ~= ARGV[6] then return { 'conflict' } end
return { 'replayed', answer_views({ view(first) }, ARGV[3]) }
