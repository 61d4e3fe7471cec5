-- How many requests a key makes, decided as in accounts/money/request-rate.ts. Of a key with such limits its hash has `fullAt` (when the
-- bucket of the minute is full again, microseconds), and `day` with `requests`, how many it made in that UTC day.

local function load_rate(k)
  if not k.rate then
    local f = rcall('HMGET', k.at, 'fullAt', 'day', 'requests')
    k.rate = { full_at = tonumber(f[1] or 0), day = tonumber(f[2] or 0), requests = tonumber(f[3] or 0) }
  end
  return k.rate
end

-- After so many more requests: of each limit that there is, which one, how many, what is left, ms until all of it is free, ms to
-- wait for it (0: it is given), and the state.
local function rates_after(k, count)
  local limits = limits_of(k)
  if not limits then return {} end
  local rate, found = load_rate(k), {}
  local minute, day = tonumber(limits.requestsPerMinute), tonumber(limits.requestsPerDay)
  if minute then
    local now_us, each = now * 1000, floor(60000000 / minute)
    local latest = now_us + each * minute
    local before = rate.full_at > latest + each * minute and now_us or max(rate.full_at, now_us)
    local after = before + each * count
    local wait = math.ceil(max(0, after - latest) / 1000)
    local counted = wait > 0 and before or after
    found[1] = { per = 'minute', limit = minute, left = max(0, floor((latest - counted) / each)),
      reset = math.ceil((counted - now_us) / 1000), wait = wait, full_at = after }
  end
  if day then
    local goes_on = rate.day == today or rate.day == today + 1
    local of, before = goes_on and rate.day or today, goes_on and rate.requests or 0
    local reset = (of + 1) * 86400000 - now
    local wait = before + count > day and reset or 0
    found[#found + 1] = { per = 'day', limit = day, left = max(0, day - before - (wait > 0 and 0 or count)), reset = reset,
      wait = wait, day = of, requests = before + count }
  end
  return found
end

local function told_rate(one)
  return one and { one.per, exact(one.limit), exact(one.left), exact(one.reset) } or false
end

-- Why one more request may not be made, nil when it may.
local function refused_rate(k)
  local longest
  for _, one in ipairs(rates_after(k, 1)) do
    if one.wait > 0 and not (longest and longest.wait >= one.wait) then longest = one end
  end
  return longest and { 'rate_limited', exact(longest.wait), told_rate(longest) } or nil
end

-- The one that is nearer to its end as it is told, false where there is none.
local function told_nearest(found)
  local nearest
  for _, one in ipairs(found) do
    if not (nearest and nearest.left <= one.left) then nearest = one end
  end
  return told_rate(nearest)
end

-- A refusal that counts no request, with what is left of the key's limits of them behind it; nil stays nil.
local function with_rate(k, refused)
  if refused then refused[#refused + 1] = told_nearest(rates_after(k, 0)) end
  return refused
end

-- Counts one request; the limit that is nearer to its end as it is told, false where there is none.
local function take_request(k)
  local found = rates_after(k, 1)
  for _, one in ipairs(found) do
    local rate = k.rate
    rate.full_at, rate.day, rate.requests = one.full_at or rate.full_at, one.day or rate.day, one.requests or rate.requests
    hset('key:' .. k.id, 'fullAt', exact(rate.full_at))
    hset('key:' .. k.id, 'day', exact(rate.day))
    hset('key:' .. k.id, 'requests', exact(rate.requests))
  end
  return told_nearest(found)
end
