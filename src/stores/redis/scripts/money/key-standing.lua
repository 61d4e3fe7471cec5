-- How a key stands with its limits. ARGV: 3 key. Nil when there is no such key, else the moment, its budgets (parts of each: period,
-- limit, granted, held, charged, threshold reached or '') and its rates (see parts/money/rates.lua).

if rcall('EXISTS', P .. 'account:' .. ARGV[3]) == 0 then return nil end
local k, budgets, rates = load_key(ARGV[3]), {}, {}
local granted = granted_to(k)
for period, limit in (k.budgets or ''):gmatch('(%S+) (%S+)') do
  budgets[#budgets + 1] = told_budget(k, '', period, tonumber(limit), granted)
end
for i, one in ipairs(rates_after(k, 0)) do rates[i] = told_rate(one) end
return { now_text, budgets, rates }
