-- Who follows a log: a set of nodes, kept as the words of a text.

local function follows(by, node)
  return (' ' .. by .. ' '):find(' ' .. node .. ' ', 1, true) ~= nil
end

local function with_follower(by, node)
  if follows(by, node) then return by end
  local nodes = by == '' and node or by .. ' ' .. node
  local _, spaces = nodes:gsub(' ', '')
  -- Nodes that died left without a word: the oldest goes.
  return spaces < MAX_NODES and nodes or match(nodes, '^%S+ (.*)$')
end

local function without_follower(by, node)
  local left = {}
  for one in by:gmatch('%S+') do
    if one ~= node then left[#left + 1] = one end
  end
  return concat(left, ' ')
end
