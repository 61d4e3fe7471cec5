-- What tasks hold files by: end, result and state of each, nil where there is none. ARGV: from 3 tasks

local held = {}
for i = 3, #ARGV do
  local t = load_task(ARGV[i])
  held[i - 2] = t and { t.finished, t.result, t.state } or false
end
return held
