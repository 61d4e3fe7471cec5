-- Sums of usage of customers. ARGV: 3 and 4 the first and the last day, 5 how many are looked at, 6 the
-- key, or '' for every key, 7 and 8 key and customer to look behind, or ''. Answers of each key, customer, and first days and
-- fields of hashes; for the customer '', those of the whole key.

local whole = scoped(ARGV[6], '')
local from = ARGV[7] ~= '' and '(' .. scoped(ARGV[7], ARGV[8]) or ARGV[6] ~= '' and '[' .. whole or '-'
local to = ARGV[6] ~= '' and '(' .. whole:sub(1, -2) .. ';' or '+'
local found = {}
for i, name in ipairs(rcall('ZRANGEBYLEX', P .. 'usage-payers', from, to, 'LIMIT', 0, ARGV[5])) do
  local length, rest = match(name, '^(%d+):(.*)$')
  local key, customer = rest:sub(1, length), rest:sub(length + 2)
  found[i] = { key, customer, read_usage(name, customer == '' and 1 or USAGE_SPAN, tonumber(ARGV[3]), tonumber(ARGV[4])) }
end
return found
