-- Takes over what is left of the first release once its tasks are converted: virtual keys, logs, idempotency, the ledger; and
-- removes what was made anew. ARGV: 3 where the last step stopped, '0' at first, 4 about how many names to look at.
-- Answers where to go on ('0' = through) and how many were converted or removed.

-- Already converted: the oldest release that may use the data is written down last.
if rcall('EXISTS', B .. 'reader') == 1 then return { '0', 0 } end

local MOVED = { account = true, log = true, accounts = true, hashes = true, tenants = true }
local DROPPED = {
  batch = true, call = true, cleanup = true, delayed = true, ids = true, ready = true, turns = true, wake = true,
  cleanups = true, ['cleanup-ends'] = true, deliveries = true, ended = true, ledgers = true, trimmed = true,
}

-- Until when, whose, fingerprint.
local function convert_once(name, rest)
  local ends, task, fingerprint = match(rcall('GET', name), '^(%S+) (%S+) (.*)$')
  local ttl = rcall('PTTL', name)
  if ends and ttl > 0 then
    local text = '{"taskId":' .. cjson.encode(task) .. ',"fingerprint":' .. cjson.encode(fingerprint) .. ',"until":' .. ends .. '}'
    rcall('SET', P .. 'once:' .. rest, text, 'PX', exact(ttl))
  end
  rcall('UNLINK', name)
end

-- A bounded number of its charges: moment, task, type, amount, length of the subject, subject, model (JSON). True when none are
-- left. The provider of a task that is gone stood nowhere else.
local function convert_ledger(name, key)
  local charges = rcall('LRANGE', name, 0, 199)
  for _, charge in ipairs(charges) do
    local moment, task, type, amount, length, rest = match(charge, '^(%S+) (%S+) (%S+) (%S+) (%d+) (.*)$')
    if moment then
      local provider = rcall('HGET', P .. 'task:' .. task, 'provider') or ''
      local text = '{"type":' .. cjson.encode(type) .. ',"model":' .. rest:sub(length + 2) .. ',"provider":'
        .. cjson.encode(provider) .. ',"subject":' .. cjson.encode(rest:sub(1, length)) .. ',"chargedMicros":' .. amount
        .. ',"at":' .. moment .. '}'
      rcall('HSET', P .. 'movement-texts:' .. key, 'task/' .. task, text)
      rcall('ZADD', P .. 'movements:' .. key, moment, 'task/' .. task)
      rcall('ZADD', P .. 'ledgers', 'NX', moment, key)
    else
      count_unreadable()
    end
  end
  rcall('LTRIM', name, #charges, -1)
  return #charges < 200
end

local scan = rcall('SCAN', ARGV[3], 'MATCH', as_pattern(B) .. '*', 'COUNT', ARGV[4])
local next, converted = scan[1], 0
for _, name in ipairs(scan[2]) do
  local kind, rest = match(name:sub(#B + 1), '^([%l-]+):?(.*)$')
  if kind == 'once' then
    convert_once(name, rest)
  elseif kind == 'ledger' then
    if not convert_ledger(name, rest) then next = ARGV[3] end
  elseif MOVED[kind] then
    rcall('RENAME', name, P .. name:sub(#B + 1))
  elseif DROPPED[kind] then
    rcall('UNLINK', name)
  else
    kind = nil
  end
  if kind then converted = converted + 1 end
end
return { next, converted }
