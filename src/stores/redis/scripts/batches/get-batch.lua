-- One batch. ARGV: 3 key, 4 subject or '', 5 batch. Answers its id and the fields of its record, nil when it is not the tenant's.

local at = P .. 'batch-record:' .. ARGV[5]
local f = rcall('HMGET', at, 'keyId', 'subject')
if f[1] ~= ARGV[3] or (ARGV[4] ~= '' and f[2] ~= ARGV[4]) then return nil end
return { ARGV[5], rcall('HGETALL', at) }
