-- Deliveries, newest first. ARGV: 3 key or '' for all, 4 endpoint or '', 5 status or '', 6 how many, 7 the last id of the page
-- before or ''; one that is gone begins anew. Answers of each its id and all its fields.

local most, found = tonumber(ARGV[6]), {}
local last = tonumber(ARGV[7] ~= '' and rcall('HGET', P .. 'delivery:' .. ARGV[7], 'at') or '')
for _, status in ipairs(ARGV[5] == '' and STATUSES or { ARGV[5] }) do
  local set, taken = P .. delivery_set(ARGV[3], ARGV[4], status), 0
  local from, page = last and rcall('ZCOUNT', set, '(' .. exact(last), '+inf') or 0, nil
  repeat
    page = rcall('ZREVRANGE', set, exact(from), exact(from + most - 1), 'WITHSCORES')
    for i = 1, #page, 2 do
      local at = tonumber(page[i + 1])
      -- Those of the same moment stand in the order of their ids.
      if not last or at < last or page[i] < ARGV[7] then
        found[#found + 1], taken = { page[i], at }, taken + 1
      end
    end
    from = from + most
  until taken >= most or #page < 2 * most
end
table.sort(found, function(a, b) return a[2] > b[2] or (a[2] == b[2] and a[1] > b[1]) end)
local deliveries = {}
for i = 1, min(most, #found) do
  deliveries[i] = { found[i][1], rcall('HGETALL', P .. 'delivery:' .. found[i][1]) }
end
return deliveries
