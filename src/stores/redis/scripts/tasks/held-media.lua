-- What tasks hold files by: end, result and state of each, nil where there is none. ARGV: from 3 tasks

local held = {}
for i = 3, #ARGV do
  local f = rcall('HMGET', P .. 'task:' .. ARGV[i], 'id', 'finishedAt', 'result', 'state')
  held[i - 2] = f[1] and { f[2] or '', f[3] or '', f[4] or '' }
end
return held
