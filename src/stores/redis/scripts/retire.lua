-- One bounded step of the retention. ARGV: 3 how many of each at most, 4 to 6 how long tasks, events and charges are kept,
-- 7 the tenant to look at tenants behind, or '', 8 what the epochs of trimmed logs begin with.
-- Answers the removed ids, how many logs were trimmed, whether there is more, and the last tenant looked at ('' = the end).

local function words(text)
  local found = {}
  for word in text:gmatch('%S+') do found[#found + 1] = word end
  return found
end
if repeated then
  local trimmed, more, ids = match(repeated, '^(%d+) (%d) ?(.*)$')
  return { words(ids), tonumber(trimmed), tonumber(more), ARGV[7] }
end

local limit = tonumber(ARGV[3])
local function ended_before(set, keep, most)
  return rcall('ZRANGEBYSCORE', P .. set, '-inf', now - keep, 'LIMIT', 0, most)
end

local removed = {}
for _, set in ipairs({ 'trimmed', 'ended' }) do
  for _, id in ipairs(ended_before(set, ARGV[4], limit - #removed)) do
    remove_task(load_line(id))
    removed[#removed + 1] = id
  end
end

local logs = ended_before('ended', ARGV[5], limit)
for index, id in ipairs(logs) do
  local t = load_line(id)
  for event = 0, t.events - 1 do rcall('HDEL', P .. 'task:' .. id, 'e' .. event) end
  t.trimmed, t.epoch, t.events = '1', ARGV[8] .. index, 0
  save_task(t)
  rcall('ZREM', P .. 'ended', id)
  rcall('ZADD', P .. 'trimmed', t.finished, id)
end

-- A ledger's score is the time of its oldest charge.
local charges = 0
for _, key in ipairs(ended_before('ledgers', ARGV[6], limit)) do
  local at = P .. 'ledger:' .. key
  local old, oldest = 0, nil
  for _, charge in ipairs(rcall('LRANGE', at, 0, limit)) do
    oldest = tonumber(match(charge, '^%S+'))
    if oldest > now - ARGV[6] or charges == limit then break end
    old, charges, oldest = old + 1, charges + 1, nil
  end
  if old > 0 then rcall('LTRIM', at, old, -1) end
  if oldest then
    rcall('ZADD', P .. 'ledgers', oldest, key)
  else
    rcall('ZREM', P .. 'ledgers', key)
  end
end

-- Tenants that nobody follows, without tasks and, for the key itself, without a key.
local from = ARGV[7] == '' and '-' or '(' .. ARGV[7]
local names = rcall('ZRANGEBYLEX', P .. 'tenants', from, '+', 'LIMIT', 0, limit)
for _, name in ipairs(names) do
  local length, rest = match(name, '^(%d+):(.*)$')
  local key, subject = rest:sub(1, length), rest:sub(length + 2)
  local whole = subject == ''
  local at = whole and P .. 'key:' .. key or P .. 'subject:' .. name
  local f = rcall('HMGET', at, 'by', 'on')
  if (f[1] or '') == '' and not f[2] and rcall('EXISTS', P .. 'ids:' .. name) == 0 then
    rcall('UNLINK', at, P .. 'log:' .. name)
    rcall('ZREM', P .. 'tenants', name)
  end
end

local more = (#removed == limit or #logs == limit or charges == limit) and 1 or 0
if #removed + #logs > 0 then remember(#logs .. ' ' .. more .. ' ' .. concat(removed, ' ')) end
return { removed, #logs, more, #names < limit and '' or names[#names] }
