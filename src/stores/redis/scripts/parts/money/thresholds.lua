-- Thresholds of budgets that charges have reached, recorded once each in a period. The marks of a key are JSON texts in the hash
-- `spend-marks:<key>`, by `<period> <name of the period> <percent> <customer>`; `mark-order:<key>` has them by age, and
-- `old-marks` those of all keys that end with their period.

local PERCENTS = { 50, 80, 90, 100 }

local function mark_name(period, window, percent, customer)
  return period .. ' ' .. window .. ' ' .. percent .. ' ' .. customer
end

-- A budget with what has become of it in the period that runs.
local function told_budget(k, customer, period, limit, granted)
  local reserved, charged = used_of(k.id, customer, period, today)
  local _, window = windows_in(period, today)
  local reached = ''
  for _, percent in ipairs(PERCENTS) do
    local name = mark_name(period, window, percent, customer)
    if rcall('HEXISTS', P .. 'spend-marks:' .. k.id, name) == 1 then reached = exact(percent) end
  end
  return { period, exact(limit), exact(granted), exact(reserved), exact(charged), reached }
end

-- Leaves word of it for the key's endpoints, as thresholdData in src/accounts/money/spend-wire.ts.
local function tell_endpoints(k, customer, period, window, percent, limit, charged)
  if not k.hooks then return end
  local text = cjson.encode
  leave_deliveries(k, {
    id = 'spend-' .. k.id .. '-' .. redis.sha1hex(mark_name(period, window, percent, customer)), key = k.id, subject = '',
    task = '', seq = '0', type = 'spend.threshold_reached',
    body = '{"data":{"keyId":' .. text(k.id) .. ',"customer":' .. (customer == '' and 'null' or text(customer))
      .. ',"period":"' .. period .. '","window":"' .. window .. '","percent":' .. exact(percent)
      .. format(',"limit":%.14g,"charged":%.14g}}', limit / 1000000, charged / 1000000),
  }, '', '{}')
end

-- Records that a threshold was reached. Whatever comes of one is left here, in the same step.
local function record_mark(k, customer, period, window, percent, limit, charged)
  local name = mark_name(period, window, percent, customer)
  hset('spend-marks:' .. k.id, name, format('{"limitMicros":%s,"chargedMicros":%s,"at":%s}', exact(limit), exact(charged), now_text))
  zadd('mark-order:' .. k.id, now_text, name)
  if period ~= 'total' then zadd('old-marks', now_text, k.id .. ' ' .. name) end
  if TOLD_THRESHOLDS > 0 then post_threshold(k, customer, period, window, percent, limit, charged) end
  tell_endpoints(k, customer, period, window, percent, limit, charged)
end

local function look_at_budget(k, customer, period, limit, day)
  if limit <= 0 or not day then return end
  local _, charged = used_of(k.id, customer, period, day)
  if charged < limit / 2 then return end
  local _, window = windows_in(period, day)
  for _, percent in ipairs(PERCENTS) do
    local name = mark_name(period, window, percent, customer)
    k.marked = k.marked or {}
    if charged >= limit * percent / 100 and not k.marked[name] then
      k.marked[name] = true
      if rcall('HEXISTS', P .. 'spend-marks:' .. k.id, name) == 0 then
        record_mark(k, customer, period, window, percent, limit, charged)
      end
    end
  end
end

local function look_at_budgets(k, customer, windows)
  local day = day_number(match(windows, '%d%S+') or '')
  local granted = k.budgets and granted_to(k)
  for period, limit in (k.budgets or ''):gmatch('(%S+) (%S+)') do
    look_at_budget(k, '', period, limit + granted, period == 'total' and 0 or day)
  end
  local budget = budget_of(k, customer)
  if budget then
    look_at_budget(k, customer, budget.period, budget.limitMicros, budget.period == 'total' and 0 or day)
  end
end

-- Looks at the budgets in whose periods the key and the customer were charged, after the charge is noted in this script. What is
-- damaged there does not keep a charge from being made: the balance is made anew by it.
local function note_reached(k, customer, windows)
  local none = customer == '' and (k.budgets or '') == ''
  if not k.broken and not none then pcall(look_at_budgets, k, customer, windows) end
end
