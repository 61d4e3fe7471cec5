-- What a key and its customers may spend, and whether an amount fits. Days are numbers since 1970, by UTC; windows and names of
-- periods are those of accounts/money/budgets.ts.

local floor = math.floor

-- A day as windows name it.
local function day_text(day)
  local z = day + 719468
  local era = floor(z / 146097)
  local of_era = z - era * 146097
  local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
  local from_march = floor((5 * of_year + 2) / 153)
  local month = from_march < 10 and from_march + 3 or from_march - 9
  return format('%04d-%02d-%02d', year + era * 400 + (month <= 2 and 1 or 0), month,
    of_year - floor((153 * from_march + 2) / 5) + 1)
end

-- The number of a day; nil when the text is none.
local function day_number(text)
  local y, m, d = match(text, '^(%d%d%d%d)%-(%d%d)%-(%d%d)$')
  if not y then return nil end
  local year, month = tonumber(y), tonumber(m)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local of_era = year - era * 400
  local of_year = floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5) + d - 1
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468
end

local today = floor(now / 86400000)

-- The windows of the period that the day lies in, and the period's name.
local function windows_in(period, day)
  if period == 'total' then return { 'total' }, 'total' end
  if period == 'daily' then return { day_text(day) }, day_text(day) end
  local windows = {}
  if period == 'weekly' then
    local monday = day - (day + 3) % 7
    for i = 0, 6 do windows[i + 1] = day_text(monday + i) end
    return windows, windows[1]
  end
  local month = day_text(day):sub(1, 7)
  for i = 1, 31 do windows[i] = format('%s-%02d', month, i) end
  return windows, month
end

-- What is held and was charged in the period that the day lies in, with what this script will change; `customer` '' is the key.
local function used_of(key, customer, period, day)
  local at = 'balance:' .. key
  local changes, tail, names = sums[at] or {}, customer == '' and '' or ':' .. customer, {}
  for _, window in ipairs(windows_in(period, day)) do
    names[#names + 1] = 'reserved:' .. window .. tail
    names[#names + 1] = 'charged:' .. window .. tail
  end
  local stored, sum = rcall('HMGET', P .. at, unpack(names)), { 0, 0 }
  for i, name in ipairs(names) do
    local of = i % 2 == 1 and 1 or 2
    sum[of] = sum[of] + tonumber(stored[i] or 0) + (changes[name] or 0)
  end
  return sum[1], sum[2]
end

-- The limits of a key besides its budgets, nil where it has none.
local function limits_of(k)
  if not k.limits or k.limits == '' then return nil end
  k.read_limits = k.read_limits or cjson.decode(k.limits)
  return k.read_limits
end

-- What grants add to each of the key's budgets.
local function granted_to(k)
  local sum, limits = 0, limits_of(k)
  for _, grant in ipairs(limits and limits.grants or {}) do
    if grant.expiresAt > now then sum = sum + grant.amountMicros end
  end
  return sum
end

-- The budget that counts for a customer, nil where there is none: its own, or the default of its key.
local function budget_of(k, customer)
  if customer == '' then return nil end
  local own, limits = rcall('HGET', P .. 'customers:' .. k.id, customer), limits_of(k)
  if own then return cjson.decode(own) end
  local budget = limits and limits.customerBudget
  return type(budget) == 'table' and budget or nil
end

local function over_budget(k, customer, period, limit, amount)
  local reserved, charged = used_of(k.id, customer, period, today)
  if charged + reserved + amount <= limit then return nil end
  return { 'budget_exceeded', exact(limit), exact(reserved), exact(charged), period, customer, now_text }
end

-- The first budget that what is to be held does not fit into, the key's before the customer's, as it is answered: its limit, what
-- is held and was charged of it, its period, whose, the moment; nil when it fits. What is free always does.
local function exceeded_budget(k, customer, amount)
  if amount == 0 then return nil end
  if k.budgets and k.budgets ~= '' then
    local granted = granted_to(k)
    for period, limit in k.budgets:gmatch('(%S+) (%S+)') do
      local over = over_budget(k, '', period, limit + granted, amount)
      if over then return over end
    end
  end
  local budget = budget_of(k, customer)
  return budget and over_budget(k, customer, budget.period, budget.limitMicros, amount) or nil
end
