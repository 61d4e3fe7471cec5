-- Sums of usage of each UTC day. A hash `usage:<first day>:<tenant>` holds those of some days, one for a key and for every key together
-- (the key is empty), more for a customer, whose name stands in the subject's place. Its fields are
-- `<day after the first><what is counted><+ or -> <type> <model>`, `+` where a customer was named. Counted are c completed, f failed, x
-- cancelled, i results beyond one for each that completed, $ micro-dollars charged, u billed upstream beyond those, o overrun: so what
-- is usual takes two fields. `usage-days` holds the hashes by their last day, `usage-payers` in the order of their names the keys
-- (their customer empty) and customers that have hashes.

local function usage_hash(first, name)
  return exact(first) .. ':' .. name
end

-- What texts add, as hash, field and number: those of tasks that were like each other are the same.
local usage_read = {}
-- `text`: what is counted and how much, then `|` and type and model.
local function add_usage(key, customer, text)
  local known = scoped(key, scoped(customer, text))
  local adds = usage_read[known]
  if not adds then
    adds = {}
    usage_read[known] = adds
    local counts, what = match(text, '^([^|]*)|(.*)$')
    what = (customer ~= '' and '+ ' or '- ') .. what
    local function read(name, span)
      local first = today - today % span
      local at, offset = 'usage:' .. usage_hash(first, name), exact(today - first)
      for mark, count in counts:gmatch('(%S+) (%S+)') do adds[#adds + 1] = { at, offset .. mark .. what, tonumber(count) } end
    end
    read(scoped('', ''), 1)
    read(scoped(key, ''), 1)
    if customer ~= '' then read(scoped(key, customer), USAGE_SPAN) end
  end
  for _, add in ipairs(adds) do hadd(add[1], add[2], add[3]) end
end

-- A hash is noted with each new field of it.
local note_first_of_balance = note_first
note_first = function(at, field)
  local first, name = match(at, '^usage:(%d+):(.*)$')
  if not first then return note_first_of_balance(at, field) end
  local length = match(name, '^%d+')
  local whole = #name == #length + length + 2
  zadd('usage-days', whole and first or exact(first + USAGE_SPAN - 1), usage_hash(tonumber(first), name))
  if length ~= '0' then zadd('usage-payers', '0', name) end
end
