-- Sums of usage of keys. ARGV: 3 and 4 the first and the last day, 5 how many keys are looked at, 6 the key to look behind, or ''.
-- Answers of each key its name, '', and first days and fields of hashes.

local function behind(key)
  return '(' .. scoped(key, ''):sub(1, -2) .. ';'
end

local from = ARGV[6] == '' and '-' or behind(ARGV[6])
local found = {}
for i = 1, tonumber(ARGV[5]) do
  local name = rcall('ZRANGEBYLEX', P .. 'usage-payers', from, '+', 'LIMIT', 0, 1)[1]
  if not name then break end
  local length, rest = match(name, '^(%d+):(.*)$')
  local key = rest:sub(1, length)
  found[i] = { key, '', read_usage(scoped(key, ''), 1, tonumber(ARGV[3]), tonumber(ARGV[4])) }
  from = behind(key)
end
return found
