-- Marks an unfinished batch as cancelled, once. ARGV: 3 key, 4 subject or '', 5 batch. Answers as get-batch.lua does.

local at = P .. 'batch-record:' .. ARGV[5]
local f = rcall('HMGET', at, 'keyId', 'subject', 'finishedAt', 'cancelledAt')
if f[1] ~= ARGV[3] or (ARGV[4] ~= '' and f[2] ~= ARGV[4]) then return nil end
if not f[3] and not f[4] then rcall('HSET', at, 'cancelledAt', now_text) end
return { ARGV[5], rcall('HGETALL', at) }
