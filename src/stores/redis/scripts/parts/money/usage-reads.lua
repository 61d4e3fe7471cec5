-- The sums of usage of a tenant in a range of days: a list of first days and their fields.
local function read_usage(name, span, from, to)
  local found = {}
  for first = from - from % span, to, span do
    local fields = redis.pcall('HGETALL', P .. 'usage:' .. exact(first) .. ':' .. name)
    if fields.err then
      count_unreadable()
    elseif fields[1] then
      found[#found + 1] = exact(first)
      found[#found + 1] = fields
    end
  end
  return found
end
