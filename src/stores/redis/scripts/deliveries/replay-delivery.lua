-- Makes a delivery due now, to the URL that its endpoint has now; one that is being sent is left alone. ARGV: 3 key or '' for
-- any, 4 id. Answers all its fields, nil when there is none.

local id = ARGV[4]
local at = P .. 'delivery:' .. id
local f = rcall('HMGET', at, 'keyId', 'endpointId', 'url', 'taskId', 'status', 'at')
if not f[1] or (ARGV[3] ~= '' and f[1] ~= ARGV[3]) then return nil end
if repeated then return rcall('HGETALL', at) end
local destination, task = unpack(rcall('HMGET', work_key('delivery', id), 'destination', 'taskId'))
if destination then
  local lease = tonumber(rcall('ZSCORE', held_set('delivery', destination), id) or '')
  if lease and lease > now then return rcall('HGETALL', at) end
  remove_work('delivery', id, destination, task)
end
local url = f[2] ~= '' and rcall('HGET', P .. 'endpoint:' .. scoped(f[1], f[2]), 'url')
url = url and cjson.decode(url) or f[3]
local known = f[4] ~= '' and rcall('EXISTS', P .. 'task:' .. f[4]) == 1
add_work('delivery', id, match(url, '^%a+://[^/?#]+') or url, known and f[4] or '', 'null', DELIVERY_MS)
make_writes()
rcall('HSET', at, 'url', url)
note_try(id, 'pending', '', 0, now_text)
remember('1')
return rcall('HGETALL', at)
