-- All deliveries that tell of a task: of each its id and all its fields. ARGV: 3 task

local deliveries = {}
for _, field in ipairs(rcall('HKEYS', P .. 'task:' .. ARGV[3])) do
  local id = match(field, '^delivery (.*)$')
  if id then deliveries[#deliveries + 1] = { id, rcall('HGETALL', P .. 'delivery:' .. id) } end
end
return deliveries
