-- Who follows a log: a set of nodes, kept as the words of a text.

local function marks(by, node)
  return (' ' .. by .. ' '):find(' ' .. node .. ' ', 1, true) ~= nil
end

local function mark(by, node)
  if marks(by, node) then return by end
  local nodes = by == '' and node or by .. ' ' .. node
  local _, spaces = nodes:gsub(' ', '')
  -- Nodes that died took no mark away: the oldest goes.
  return spaces < MAX_NODES and nodes or match(nodes, '^%S+ (.*)$')
end

local function unmark(by, node)
  local left = {}
  for one in by:gmatch('%S+') do
    if one ~= node then left[#left + 1] = one end
  end
  return concat(left, ' ')
end
