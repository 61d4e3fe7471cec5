-- A page of a tenant's batches, newest first. ARGV: 3 key, 4 subject or '', 5 batch to begin behind or '', 6 how many. Answers of
-- each its id and the fields of its record; one that is gone, or cannot be read, is left out, and how many were found.

local from = ARGV[5] == '' and '+' or '(' .. ARGV[5]
local ids = rcall('ZREVRANGEBYLEX', P .. 'batches:' .. scoped(ARGV[3], ARGV[4]), from, '-', 'LIMIT', '0', ARGV[6])
local found = {}
for _, id in ipairs(ids) do
  local record = redis.pcall('HGETALL', P .. 'batch-record:' .. id)
  if not record.err and record[1] then found[#found + 1] = { id, record } end
end
return { found, #ids }
