-- Tasks of the first release that are not converted yet, a bounded number. ARGV: 3 where the last step stopped, '0' at first,
-- 4 about how many names to look at. Answers where to go on ('0' = through), of each task its id, all its fields, those of
-- its cleanup item, when that is due ('' = none), and whether a delivery of its end waits (0/1); and the moment.

if rcall('EXISTS', B .. 'reader') == 1 then return { '0', {}, now_text } end
local scan = rcall('SCAN', ARGV[3], 'MATCH', as_pattern(B) .. 'task:*', 'COUNT', ARGV[4])
local tasks = {}
for _, name in ipairs(scan[2]) do
  local id = name:sub(#B + #'task:' + 1)
  local f = redis.pcall('HGETALL', name)
  if f.err then f = {} end
  local seq
  for i = 1, #f, 2 do
    if f[i] == 'now' then seq = match(f[i + 1], '^' .. ('%S+ '):rep(14) .. '(%S+)') end
  end
  tasks[#tasks + 1] = {
    id, f, rcall('HGETALL', B .. 'cleanup:' .. id), rcall('ZSCORE', B .. 'cleanups', id) or '',
    seq and rcall('ZSCORE', B .. 'deliveries', id .. ' ' .. seq) and 1 or 0,
  }
end
return { scan[1], tasks, now_text }
