-- What the sink of events is told of money: the same fields as src/events/money-events.ts gives it. In no script without a sink.

local function customer_text(customer)
  return customer == '' and 'null' or cjson.encode(customer)
end

-- What has become of the budgets that the key and the customer were charged in, with what this script changes.
local function told_budgets(k, customer, windows)
  local told, day = {}, day_number(match(windows, '%d%S+') or '')
  local function tell(of, period, limit)
    local at = period == 'total' and 0 or day
    -- A hold of an earlier release counts in no day.
    if not at then return end
    local reserved, charged = used_of(k.id, of, period, at)
    local _, window = windows_in(period, at)
    told[#told + 1] = '{"customer":' .. customer_text(of) .. ',"period":"' .. period .. '","window":"' .. window
      .. '","limitMicros":' .. exact(limit) .. ',"chargedMicros":' .. exact(charged) .. ',"reservedMicros":' .. exact(reserved) .. '}'
  end
  local granted = k.budgets and granted_to(k)
  for period, limit in (k.budgets or ''):gmatch('(%S+) (%S+)') do tell('', period, limit + granted) end
  local budget = budget_of(k, customer)
  if budget then tell(customer, budget.period, budget.limitMicros) end
  return concat(told, ',')
end

-- `movement` is the JSON of the entry as its caller wrote it. What is damaged keeps no charge from being made, and no word of it.
local function post_spend(k, customer, windows, source, movement)
  local text, m = cjson.encode, cjson.decode(movement .. '}')
  local kind, id = match(source, '^(%w+)/([^/]*)')
  local readable, budgets = pcall(told_budgets, k, customer, windows)
  post('{"id":' .. text(source) .. ',"type":"SpendUpdateRequested","keyId":' .. text(k.id) .. ',"customer":' .. customer_text(customer)
    .. ',"data":{"source":"' .. kind .. '","sourceId":' .. text(id) .. ',"subject":' .. text(m.subject or '') .. ',"type":' .. text(m.type)
    .. ',"model":' .. text(m.model) .. ',"provider":' .. text(m.provider) .. ',"amountMicros":' .. exact(m.chargedMicros or 0)
    .. ',"upstreamMicros":' .. (m.upstreamMicros and exact(m.upstreamMicros) or 'null')
    .. ',"overrunMicros":' .. exact(m.overrunMicros or 0) .. ',"budgets":[' .. (readable and budgets or '') .. ']}')
end

local function post_threshold(k, customer, period, window, percent, limit, charged)
  local id = k.id .. '/' .. period .. '/' .. window .. '/' .. percent .. (customer == '' and '' or '/' .. customer)
  post('{"id":' .. cjson.encode(id) .. ',"type":"SpendThresholdReached","keyId":' .. cjson.encode(k.id) .. ',"customer":'
    .. customer_text(customer) .. ',"data":{"period":"' .. period .. '","window":"' .. window .. '","percent":' .. percent
    .. ',"limitMicros":' .. exact(limit) .. ',"chargedMicros":' .. exact(charged) .. '}')
end
