-- How a customer of a key stands. ARGV: 3 key, 4 customer. Nil when there is no such key, else the moment, the JSON of its own
-- budget or '', and the budget that counts, none or one, told as in key-standing.lua.

if rcall('EXISTS', P .. 'account:' .. ARGV[3]) == 0 then return nil end
local k = load_key(ARGV[3])
local budget = budget_of(k, ARGV[4])
return {
  now_text, rcall('HGET', P .. 'customers:' .. ARGV[3], ARGV[4]) or '',
  budget and { told_budget(k, ARGV[4], budget.period, budget.limitMicros, 0) } or {},
}
