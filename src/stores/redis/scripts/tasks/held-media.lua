-- What tasks hold files by: end, result, state and spec of each, nil where there is none. ARGV: from 3 tasks

local held = {}
for i = 3, #ARGV do
  local f = redis.pcall('HMGET', P .. 'task:' .. ARGV[i], 'id', 'finishedAt', 'result', 'state', 'spec')
  -- What cannot be read keeps its files.
  held[i - 2] = f.err and { '', '', '', '' } or f[1] and { f[2] or '', f[3] or '', f[4] or '', f[5] or '' } or false
end
return held
