-- Money: what is held for work under way, and what was charged. The only place where either changes. Balances are numbers
-- of a key, and of a customer of a key, for each window; a hold's amount, price and windows stand with what it pays for.

-- The windows in a text, each as the names of its two numbers.
local windows_known = {}
local function numbers_of(windows)
  local names = windows_known[windows]
  if not names then
    names = {}
    for window in windows:gmatch('%S+') do names[#names + 1] = { 'reserved:' .. window, 'charged:' .. window } end
    windows_known[windows] = names
  end
  return names
end

local function move_money(key, customer, windows, reserved, charged)
  local at = 'balance:' .. key
  for _, names in ipairs(numbers_of(windows)) do
    hadd(at, names[1], reserved)
    if charged ~= 0 then hadd(at, names[2], charged) end
    if customer ~= '' then
      hadd(at, names[1] .. ':' .. customer, reserved)
      if charged ~= 0 then hadd(at, names[2] .. ':' .. customer, charged) end
    end
  end
end

-- Balances of days are found again by their day when their time is over; those of keys are kept longer than their customers'.
local function note_day(key, window, customer)
  local day = day_number(window)
  if day then zadd('balance-days', exact(customer == '' and day + LONGER_KEPT_DAYS or day), window .. ' ' .. key .. ' ' .. customer) end
end

note_first = function(name, field)
  local window, customer = match(name:sub(1, 8) == 'balance:' and field or '', '^reserved:([^:]+):?(.*)$')
  if window and window ~= 'total' then note_day(name:sub(#'balance:' + 1), window, customer) end
end

-- The windows of a hold that is made now: those given, and the day.
local today_text
local function windows_now(windows)
  today_text = today_text or day_text(today)
  return windows .. ' ' .. today_text
end

-- `source` is `<kind>/<id>`.
local function hold_money(key, customer, windows, source, amount)
  move_money(key, customer, windows, amount, 0)
  zadd('holds:' .. key, now_text, source)
end

-- The customer of a task stands in its spec.
local function customer_of(field, spec)
  if field then return field end
  local readable, fields = pcall(cjson.decode, spec or '{}')
  local customer = readable and type(fields) == 'table' and fields.customer
  return type(customer) == 'string' and customer or ''
end

-- A balance that is damaged is set aside and reckoned anew, from what is held and, as far as the ledger goes back, from what was
-- charged: of each a bounded number. Other sums begin with nothing.
mend_sums = function(name)
  if name:sub(1, 8) ~= 'balance:' then return set_key_aside(name) end
  local key, found = name:sub(#'balance:' + 1), {}
  local function add(kind, windows, customer, amount)
    if not amount then return end
    for window in windows:gmatch('%S+') do
      local field = kind .. window
      found[field] = (found[field] or 0) + amount
      if customer ~= '' then found[field .. ':' .. customer] = (found[field .. ':' .. customer] or 0) + amount end
    end
  end
  for _, source in ipairs(redis.pcall('ZRANGE', P .. 'holds:' .. key, 0, MAX_RECKONED - 1)) do
    local kind, id = match(source, '^(%w+)/(.*)$')
    local f = redis.pcall('HMGET', P .. kind .. ':' .. id, 'reservedMicros', 'windows', 'customer', 'spec')
    add('reserved:', f[2] or 'total', customer_of(f[3], f[4]), tonumber(f[1] or ''))
  end
  for _, id in ipairs(redis.pcall('ZREVRANGE', P .. 'movements:' .. key, 0, MAX_RECKONED - 1)) do
    local readable, m = pcall(cjson.decode, redis.pcall('HGET', P .. 'movement-texts:' .. key, id) or '')
    if readable and type(m) == 'table' then
      add('charged:', m.windows and concat(m.windows, ' ') or 'total', m.customer or '', tonumber(m.chargedMicros or ''))
    end
  end
  set_key_aside(name)
  for field, amount in pairs(found) do
    rcall('HSET', P .. name, field, exact(amount))
    note_first(name, field)
  end
end

-- Windows as JSON, and the keys whose ledgers were noted in this script.
local windows_written, noted = {}, {}

-- Gives a hold back and charges what was used of it. `movement` is the JSON of the entry as its caller wrote it, '' for none.
local function settle_money(key, customer, windows, source, released, charged, movement)
  if released ~= 0 or charged ~= 0 then move_money(key, customer, windows, -released, charged) end
  if released ~= 0 then zrem('holds:' .. key, source) end
  if movement == '' then return end
  zadd('movements:' .. key, now_text, source)
  local written = windows_written[windows]
  if not written then
    written = (windows == 'total' and '' or ',"windows":["' .. windows:gsub(' ', '","') .. '"]') .. ',"at":' .. now_text .. '}'
    windows_written[windows] = written
  end
  hset('movement-texts:' .. key, source, movement .. written)
  if noted[key] then return end
  noted[key] = true
  write('ZADD', P .. 'ledgers', 'NX', now_text, key)
end
