-- Money: what is held for work under way, and what was charged. The only place where either changes. Balances are numbers
-- of a key, and of a customer of a key, for each window; a hold's amount, price and windows stand with what it pays for.

local function move_money(key, customer, windows, reserved, charged)
  local at = 'balance:' .. key
  for window in windows:gmatch('%S+') do
    hadd(at, 'reserved:' .. window, reserved)
    if charged ~= 0 then hadd(at, 'charged:' .. window, charged) end
    if customer ~= '' then
      hadd(at, 'reserved:' .. window .. ':' .. customer, reserved)
      if charged ~= 0 then hadd(at, 'charged:' .. window .. ':' .. customer, charged) end
    end
  end
end

-- The limit of the first of the key's budgets that the amount does not fit into, with what is held and was charged of it, the
-- holds of this script included; nil when it fits. What is free always does.
local function exceeded_budget(key, budgets, amount)
  if amount == 0 or not budgets then return nil end
  local at = 'balance:' .. key
  local held = sums[at] or {}
  for window, limit in budgets:gmatch('(%S+) (%S+)') do
    local stored = rcall('HMGET', P .. at, 'reserved:' .. window, 'charged:' .. window)
    local reserved = tonumber(stored[1] or 0) + (held['reserved:' .. window] or 0)
    local charged = tonumber(stored[2] or 0)
    if charged + reserved + amount > tonumber(limit) then return { limit, exact(reserved), exact(charged) } end
  end
end

-- `source` is `<kind>/<id>`.
local function hold_money(key, customer, windows, source, amount)
  if amount == 0 then return end
  move_money(key, customer, windows, amount, 0)
  zadd('holds:' .. key, now_text, source)
end

-- Gives a hold back and charges what was used of it. `movement` is the JSON of the entry as its caller wrote it, '' for none.
local function settle_money(key, customer, windows, source, released, charged, movement)
  if released ~= 0 or charged ~= 0 then move_money(key, customer, windows, -released, charged) end
  if released ~= 0 then zrem('holds:' .. key, source) end
  if movement == '' then return end
  zadd('movements:' .. key, now_text, source)
  if windows ~= 'total' then movement = movement .. ',"windows":["' .. windows:gsub(' ', '","') .. '"]' end
  hset('movement-texts:' .. key, source, movement .. ',"at":' .. now_text .. '}')
  write('ZADD', P .. 'ledgers', 'NX', now_text, key)
end
