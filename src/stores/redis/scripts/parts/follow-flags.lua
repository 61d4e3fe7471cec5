-- Who follows a log: a set of nodes, kept as the words of a text. A node that dies takes its marks nowhere, so `nodes` says when
-- each was last heard of, and the retention ends the marks of those that are gone.

-- Often enough for a node that lives, and seldom enough to cost nothing.
local function hear_of(node)
  local last = tonumber(rcall('ZSCORE', P .. 'nodes', node) or '')
  if not last or last > now or now - last >= NODE_HEARD_MS then rcall('ZADD', P .. 'nodes', now_text, node) end
end

-- One that was never heard of gets its time from now on: an earlier release marks without a word. So does one that a wrong clock
-- heard of later than now.
local gone = {}
local function is_gone(node)
  if gone[node] == nil then
    local last = tonumber(rcall('ZSCORE', P .. 'nodes', node) or '')
    if not last or last > now then
      rcall('ZADD', P .. 'nodes', now_text, node)
      last = now
    end
    gone[node] = now - last > NODE_GONE_MS
  end
  return gone[node]
end

local function living_followers(by)
  local left = {}
  for node in by:gmatch('%S+') do
    if not is_gone(node) then left[#left + 1] = node end
  end
  return concat(left, ' ')
end

local function follows(by, node)
  return (' ' .. by .. ' '):find(' ' .. node .. ' ', 1, true) ~= nil
end

local function with_follower(by, node)
  if follows(by, node) then return by end
  local nodes = by == '' and node or by .. ' ' .. node
  local _, spaces = nodes:gsub(' ', '')
  -- Nodes that died meanwhile are not gone yet: the oldest goes.
  return spaces < MAX_NODES and nodes or match(nodes, '^%S+ (.*)$')
end

local function without_follower(by, node)
  local left = {}
  for one in by:gmatch('%S+') do
    if one ~= node then left[#left + 1] = one end
  end
  return concat(left, ' ')
end
