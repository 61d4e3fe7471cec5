-- The audit log: each entry's text under its number in `audit-texts`, and its number in four sets, so that lists by action, by
-- target, by both and by neither each read one of them.

local function audit_sets(action, target)
  local sets = P .. 'audit:'
  return { sets .. ':', sets .. action .. ':', sets .. ':' .. target, sets .. action .. ':' .. target }
end

-- Writes an entry in the step that makes the change it tells of. Without an action there is nothing to tell.
local function write_audit(action, target, text)
  if action == '' then return end
  local no = exact(rcall('INCR', P .. 'audit-no'))
  rcall('HSET', P .. 'audit-texts', no, concat({ now_text, action, target, text }, ' '))
  for _, set in ipairs(audit_sets(action, target)) do rcall('ZADD', set, no, no) end
end

-- Removes entries of `moment` or earlier, at most `limit`; answers how many.
local function drop_audit(moment, limit)
  local dropped = 0
  for _, no in ipairs(rcall('ZRANGE', P .. 'audit::', 0, limit - 1)) do
    local at, action, target = match(rcall('HGET', P .. 'audit-texts', no) or '', '^(%d+) (%S+) (%S+) ')
    if at and tonumber(at) > moment then return dropped end
    for _, set in ipairs(audit_sets(action or '', target or '')) do rcall('ZREM', set, no) end
    rcall('HDEL', P .. 'audit-texts', no)
    dropped = dropped + 1
  end
  return dropped
end
