-- Replaces the secrets that sign a key's own webhooks; 0 when the current one is another than was expected.
-- ARGV: 3 key, 4 the current secret or '' for none, 5 JSON

if repeated then return 1 end
local at = P .. 'webhook-secrets:' .. ARGV[3]
local text = rcall('GET', at)
local current = text and cjson.decode(text)[1]
if (current and current.secret or '') ~= ARGV[4] then return 0 end
rcall('SET', at, ARGV[5])
remember('1')
return 1
