-- Takes over keys, subjects and lanes of the first release: logs' positions, followers, limits, virtual times, what was charged.
-- Counters and queues are made anew with the tasks. ARGV: 3 where the last step stopped, '0' at first, 4 about how many names to
-- look at. Answers where to go on ('0' = through) and how many were converted.

if rcall('EXISTS', B .. 'reader') == 1 then return { '0', 0 } end

-- Virtual time, four counts, the priorities' virtual times, which idle: without the counts.
local function queue_line(line)
  local t, rest = match(line, '^(%S+) %S+ %S+ %S+ %S+ (.*)$')
  return t and t .. ' ' .. rest
end
local function copy(from, to, names)
  local f, set = rcall('HMGET', from, unpack(names)), {}
  for i, name in ipairs(names) do
    local text = f[i] and (name == 'image' or name == 'video') and queue_line(f[i]) or f[i]
    if text then set[#set + 1], set[#set + 2] = name, text end
  end
  if set[1] then rcall('HSET', to, unpack(set)) end
end

local scan = rcall('SCAN', ARGV[3], 'MATCH', as_pattern(B) .. '[kls]*', 'COUNT', ARGV[4])
local converted = 0
for _, name in ipairs(scan[2]) do
  local kind, rest = match(name:sub(#B + 1), '^(%l+):(.*)$')
  if kind == 'key' then
    local spent = rcall('HGET', name, 'spent')
    copy(name, P .. 'key:' .. rest, { 'epoch', 'seq', 'by', 'cap', 'on', 'until', 'image', 'video' })
    local f = rcall('HMGET', P .. 'key:' .. rest, 'on', 'until', 'cap')
    if f[1] ~= '1' then rcall('HSET', P .. 'key:' .. rest, 'most', f[3] or '', 'cap', '0') end
    local ends = f[1] and f[2] or now_text
    if ends ~= '' then rcall('ZADD', P .. 'closing', ends, rest) end
    if spent and spent ~= '0' then rcall('HSET', P .. 'balance:' .. rest, 'charged:total', spent) end
  elseif kind == 'subject' then
    copy(name, P .. 'subject:' .. rest, { 'epoch', 'seq', 'by' })
  elseif kind == 'lane' then
    copy(name, P .. 'lane:' .. rest, { 'v' })
  else
    kind = nil
  end
  if kind then
    rcall('UNLINK', name)
    converted = converted + 1
  end
end
return { scan[1], converted }
