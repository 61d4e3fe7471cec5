-- What is left of deleted keys: ids in the order of their deletion, and a text of each: when, and JSON of the rest.

local function note_deleted(id, fields)
  local newest = rcall('ZRANGE', P .. 'deleted-accounts', -1, -1, 'WITHSCORES')[2] or 0
  rcall('ZADD', P .. 'deleted-accounts', newest + 1, id)
  local text = '{"name":' .. (fields[1] or '""') .. ',"last4":' .. (fields[2] or '""') .. ',"createdAt":' .. (fields[3] or '0') .. '}'
  rcall('HSET', P .. 'deleted-texts', id, now_text .. ' ' .. text)
end

-- Drops what was deleted at `moment` or earlier, at most `limit`; answers how many.
local function drop_deleted(moment, limit)
  local dropped = 0
  for _, id in ipairs(rcall('ZRANGE', P .. 'deleted-accounts', 0, limit - 1)) do
    local at = match(rcall('HGET', P .. 'deleted-texts', id) or '', '^(%d+) ')
    if at and tonumber(at) > moment then return dropped end
    rcall('ZREM', P .. 'deleted-accounts', id)
    rcall('HDEL', P .. 'deleted-texts', id)
    dropped = dropped + 1
  end
  return dropped
end
