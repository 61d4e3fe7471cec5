-- Tasks without their texts, for scripts that neither read nor answer them.

-- Nil when there is none.
local function load_line(id)
  local f = rcall('HMGET', P .. 'task:' .. id, 'key', 'subject', 'fix', 'now')
  return f[1] and parse(id, unpack(f)) or nil
end
